using System.Globalization;

namespace LatentSync.Attention.Machines;

/// <summary>Versions of CUDA as text.</summary>
public static class CudaVersion
{
    /// <summary>12 of "12.8".</summary>
    /// <param name="version">The version.</param>
    /// <returns>The largest number when it begins with none, so that a driver with such a version is not called too old.</returns>
    public static int Major(string version) =>
        int.TryParse(
            version.AsSpan(0, version.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? dot : version.Length),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out int major
        )
            ? major
            : int.MaxValue;
}
