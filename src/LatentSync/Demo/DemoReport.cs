using System.Globalization;
using System.Net;
using System.Text;
using LatentSync.Pipelines;

namespace LatentSync.Demo;

/// <summary>Writes the demo's page: one file without anything from outside, readable on a phone, in light and in dark.</summary>
public static class DemoReport
{
    /// <summary>Videos up to so many bytes are put into the page itself; larger ones are referred to by their file names.</summary>
    public const long EmbeddedVideoBytes = 8 << 20;

    /// <summary>Writes the page; it is well-formed XML too.</summary>
    /// <param name="path">File to write; replaced when the new one is complete.</param>
    /// <param name="data">What to show. The videos must exist.</param>
    /// <exception cref="IOException">A video cannot be read or the page not be written.</exception>
    public static void Write(string path, DemoReportData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        DemoFiles.Write(path, Encoding.UTF8.GetBytes(ToHtml(data, Path.GetDirectoryName(Path.GetFullPath(path))!)));
    }

    private static string ToHtml(DemoReportData data, string folder)
    {
        StringBuilder page = new();
        page.Append($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>LatentSync.NET demo</title>
            <style>{DemoStyle.Css}</style>
            </head>
            <body>
            <main>

            """);
        AppendHead(page, data);
        AppendVideos(page, data, folder);
        AppendSheet(page, data);
        AppendCurves(page, data);
        AppendFigures(page, data);
        page.Append("</main>\n</body>\n</html>\n");
        return page.ToString();
    }

    private static void AppendHead(StringBuilder page, DemoReportData data)
    {
        page.Append("<h1>LatentSync.NET demo</h1>\n");
        page.Append(data.Trained
            ? "<p class=\"lead\">A drawn person, a synthetic sentence, and lips that were generated to fit it.</p>\n"
            : """
              <p class="banner"><strong>Untrained weights: this shows that the chain runs, not what the trained network can do.</strong>
              The network has the original's structure but random numbers for weights, so the lower half of the face becomes noise. The face's position comes with the drawing; alignment, audio features, denoising, decoding, pasting and encoding are the real ones.</p>

              """);
        SyncReport sync = data.Sync;
        page.Append("<ul class=\"facts\">");
        Fact(page, Number(sync.NetworkFrames, "0"), "frames generated");
        Fact(page, Number(sync.TotalSeconds, "0.0") + " s", "for the lip-sync");
        Fact(page, Number(data.InferenceSteps, "0"), "denoising steps");
        Fact(page, Number(data.Curves.OutputCorrelation, "0.00"), "correlation of lips and speech");
        Fact(page, Bytes(sync.PeakMemoryBytes), "peak memory");
        page.Append("</ul>\n");
    }

    private static void AppendVideos(StringBuilder page, DemoReportData data, string folder)
    {
        page.Append("<section class=\"videos\">\n");
        Video(page, data.InputPath, folder, "Input", "A drawn head with a sentence of its own");
        Video(page, data.OutputPath, folder, "Output", data.Trained ? "The same head, new lips, the new sentence" : "The same head with the new sentence; the mouth comes from untrained weights");
        page.Append("</section>\n");
    }

    private static void Video(StringBuilder page, string path, string folder, string title, string caption)
    {
        string source = new FileInfo(path).Length <= EmbeddedVideoBytes
            ? "data:video/mp4;base64," + Convert.ToBase64String(File.ReadAllBytes(path))
            : string.Join('/', Path.GetRelativePath(folder, path).Split(Path.DirectorySeparatorChar).Select(Uri.EscapeDataString));
        page.Append($"<figure><video controls=\"controls\" loop=\"loop\" playsinline=\"playsinline\" preload=\"auto\" src=\"{Text(source)}\"></video>");
        page.Append($"<figcaption><b>{Text(title)}</b> {Text(caption)}</figcaption></figure>\n");
    }

    private static void AppendSheet(StringBuilder page, DemoReportData data)
    {
        page.Append("<section>\n<h2>Frame by frame</h2>\n<p>Every fifth of a second: the input above, the output below.</p>\n");
        page.Append($"<div class=\"scroll\"><img alt=\"Frames of input and output\" src=\"data:image/png;base64,{Convert.ToBase64String(data.ContactSheetPng)}\"/></div>\n</section>\n");
    }

    private static void AppendCurves(StringBuilder page, DemoReportData data)
    {
        OpeningCurves curves = data.Curves;
        page.Append("<section>\n<h2>Do the lips follow the speech?</h2>\n");
        page.Append("<p class=\"legend\"><span class=\"implied\">what the speech implies</span> <span class=\"output\">measured in the output</span> <span class=\"input\">measured in the input</span></p>\n");
        page.Append(OpeningPlot.ToSvg(curves));
        page.Append($"<p>Mouth opening, 0 closed to 1 wide open. Correlation with the speech: output <b>{Number(curves.OutputCorrelation, "0.000")}</b>, untouched input {Number(curves.InputCorrelation, "0.000")}.");
        page.Append(data.Trained ? "</p>\n</section>\n" : " With untrained weights the first figure means nothing; a trained network brings it near 1.</p>\n</section>\n");
    }

    private static void AppendFigures(StringBuilder page, DemoReportData data)
    {
        SyncReport sync = data.Sync;
        page.Append("<section>\n<h2>The run</h2>\n<div class=\"tables\">\n");
        Table(page, "Result",
        [
            ("Video", $"{Number(sync.Width, "0")} x {Number(sync.Height, "0")}, {Number(sync.Frames, "0")} frames at {Number(sync.FrameRate, "0.###")} per second"),
            ("Frames", sync.FrameMapping),
            ("Faces", $"{sync.Detector}: {Number(sync.FacesFound, "0")} found, {Number(sync.FacesInterpolated, "0")} interpolated, {Number(sync.WithoutFace.Count, "0")} stretches without"),
            ("Device", $"{sync.Device}, {sync.DType} ({sync.DTypeReason})"),
            ("Seed", Number(sync.Seed, "0")),
        ]);
        Table(page, "Time",
        [
            .. sync.StageSeconds.Select(s => (s.Key, Number(s.Value, "0.00") + " s")),
            ("total", Number(sync.TotalSeconds, "0.00") + " s"),
        ]);
        Table(page, "Attention", [.. sync.Attention.Select(a => (a.Layer, $"{a.Backend} ({Number(a.Calls, "0")} calls)"))]);
        Table(page, "Versions", [.. data.Versions.Select(v => (v.Key, v.Value))]);
        page.Append("</div>\n");
        if (sync.Warnings.Count > 0)
        {
            page.Append("<h2>To know</h2>\n<ul>\n");
            foreach (string warning in sync.Warnings)
            {
                page.Append($"<li>{Text(warning)}</li>\n");
            }
            page.Append("</ul>\n");
        }
        page.Append("</section>\n");
    }

    private static void Table(StringBuilder page, string title, IReadOnlyList<(string Name, string Value)> rows)
    {
        if (rows.Count == 0)
        {
            return;
        }
        page.Append($"<table>\n<caption>{Text(title)}</caption>\n<tbody>\n");
        foreach ((string name, string value) in rows)
        {
            page.Append($"<tr><th scope=\"row\">{Text(name)}</th><td>{Text(value)}</td></tr>\n");
        }
        page.Append("</tbody>\n</table>\n");
    }

    private static void Fact(StringBuilder page, string value, string name) => page.Append($"<li><b>{Text(value)}</b> {Text(name)}</li>");

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static string Bytes(long bytes) => bytes >= 1 << 30 ? Number(bytes / (double)(1 << 30), "0.00") + " GiB" : Number(bytes / (double)(1 << 20), "0") + " MiB";

    /// <summary>Text for HTML and XML: characters that mean something there are encoded, those that XML forbids are replaced.</summary>
    private static string Text(string text)
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
