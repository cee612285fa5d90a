using System.Runtime.InteropServices;
using LatentSync.Attention.Machines;

namespace LatentSync.Platform.Machines;

/// <summary>The GPU architectures that PyTorch's builds hold machine code for.</summary>
internal static class CudaArchitectures
{
    /// <summary>The architectures of a build, "8.6"; empty for a CPU build, for one that the catalogue does not know, and for other
    /// processors than x64, whose builds differ.</summary>
    /// <param name="version">"2.10.0".</param>
    /// <param name="flavor">"cu128".</param>
    public static IReadOnlyList<string> Of(string? version, string? flavor) =>
        RuntimeInformation.ProcessArchitecture == Architecture.X64 ? LibTorchCatalog.Find(version, flavor)?.Architectures ?? [] : [];

    /// <summary>"12.8" of "cu128"; null for other flavours.</summary>
    public static string? CudaVersion(string? flavor) =>
        flavor is { Length: >= 4 } && flavor.StartsWith("cu", StringComparison.Ordinal) && flavor[2..].All(char.IsAsciiDigit)
            ? $"{flavor[2..^1]}.{flavor[^1]}"
            : null;
}
