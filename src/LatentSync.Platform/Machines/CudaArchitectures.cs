namespace LatentSync.Platform.Machines;

/// <summary>The GPU architectures that PyTorch's builds hold machine code for.</summary>
/// <remarks>PyTorch's RELEASE.md, "Release compatibility matrix", CUDA wheels of 2.9 and 2.10 for x86-64. Code for X.y also runs on X.z
/// with z at least y; no other architecture runs, since these builds carry no intermediate code (cu130 apart).</remarks>
internal static class CudaArchitectures
{
    /// <summary>The architectures of a build, "8.6"; empty for a CPU build or one that the table does not know.</summary>
    /// <param name="version">"2.10.0".</param>
    /// <param name="flavor">"cu128".</param>
    public static IReadOnlyList<string> Of(string? version, string? flavor)
    {
        bool isKnownVersion = version is not null && (version.StartsWith("2.9.", StringComparison.Ordinal) || version.StartsWith("2.10.", StringComparison.Ordinal));
        return (isKnownVersion, flavor) switch
        {
            (true, "cu126") => ["5.0", "6.0", "7.0", "7.5", "8.0", "8.6", "9.0"],
            (true, "cu128") => ["7.0", "7.5", "8.0", "8.6", "9.0", "10.0", "12.0"],
            (true, "cu130") => ["7.5", "8.0", "8.6", "9.0", "10.0", "12.0"],
            _ => [],
        };
    }

    /// <summary>"12.8" of "cu128"; null for other flavours.</summary>
    public static string? CudaVersion(string? flavor) =>
        flavor is { Length: >= 4 } && flavor.StartsWith("cu", StringComparison.Ordinal) && flavor[2..].All(char.IsAsciiDigit) ? $"{flavor[2..^1]}.{flavor[^1]}" : null;
}
