using System.Globalization;

namespace LatentSync.Doctor;

/// <summary>Sizes of memory as a person reads them, in binary units, as the attention layer's messages have them.</summary>
internal static class ByteText
{
    /// <summary>"15.8 GiB" from a gibibyte on, else "96 MiB".</summary>
    public static string Of(long bytes) =>
        bytes >= 1L << 30
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.0} GiB")
            : string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, Math.Round(bytes / (double)(1 << 20))):0} MiB");
}
