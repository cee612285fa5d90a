using System.Globalization;
using System.Net;
using LatentSync.Foundation.Wording;

namespace LatentSync.Evaluation.Demo;

/// <summary>Text and numbers as they stand in a page.</summary>
internal static class PageText
{
    /// <summary>A number with a point, whatever the system's language.</summary>
    public static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    /// <summary>A size in MiB or GiB.</summary>
    public static string Bytes(long bytes) =>
        bytes >= 1 << 30 ? Number(bytes / (double)(1 << 30), "0.00") + " GiB" : Number(bytes / (double)(1 << 20), "0") + " MiB";

    /// <summary>Text for HTML and XML: characters that mean something there are encoded, control characters, which XML forbids, are
    /// escaped.</summary>
    public static string Encode(string text)
    {
        string clean = PrintableText
            .Escape(text, keepLines: true)
            .Replace("\uFFFE", "\uFFFD", StringComparison.Ordinal)
            .Replace("\uFFFF", "\uFFFD", StringComparison.Ordinal);
        return WebUtility.HtmlEncode(clean);
    }
}
