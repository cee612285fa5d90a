using System.Globalization;

namespace LatentSync.Doctor;

/// <summary>Sizes of memory as a person reads them.</summary>
internal static class ByteText
{
    /// <summary>"15.8 GB" from a gigabyte on, else "96 MB"; decimal units.</summary>
    public static string Of(long bytes) =>
        bytes >= 1_000_000_000
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB")
            : string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, Math.Round(bytes / 1e6)):0} MB");
}
