using System.Globalization;
using System.Net;
using System.Text;

namespace LatentSync.Demo;

/// <summary>Text and numbers as they stand in a page.</summary>
internal static class PageText
{
    /// <summary>A number with a point, whatever the system's language.</summary>
    public static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    /// <summary>A size in MiB or GiB.</summary>
    public static string Bytes(long bytes) => bytes >= 1 << 30 ? Number(bytes / (double)(1 << 30), "0.00") + " GiB" : Number(bytes / (double)(1 << 20), "0") + " MiB";

    /// <summary>Text for HTML and XML: characters that mean something there are encoded, those that XML forbids are replaced.</summary>
    public static string Encode(string text)
    {
        StringBuilder clean = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool allowed = rune.Value is '\t' or '\n' || (rune.Value >= 0x20 && rune.Value is not (0xFFFE or 0xFFFF));
            clean.Append(allowed ? rune.ToString() : "\uFFFD");
        }
        return WebUtility.HtmlEncode(clean.ToString());
    }
}
