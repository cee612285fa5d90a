using System.Text;
using LatentSync.Evaluation.Quality;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using static LatentSync.Evaluation.Demo.PageText;

namespace LatentSync.Evaluation.Demo;

/// <summary>Writes the demo's page: one file without anything from outside, readable on a phone, in light and in dark.</summary>
internal static class DemoReport
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
        PartialFile.Write(path, Encoding.UTF8.GetBytes(ToHtml(data, Path.GetDirectoryName(Path.GetFullPath(path))!)));
    }

    private static string ToHtml(DemoReportData data, string folder)
    {
        StringBuilder page = new();
        page.Append(
            $"""
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

            """
        );
        AppendHead(page, data);
        page.Append("<section>\n");
        DemoPlayer.Append(
            page,
            Source(data.InputPath, folder),
            Source(data.OutputPath, folder),
            OutputCaption(data.Weights),
            1 / data.Curves.FrameRate
        );
        AppendCurves(page, data);
        page.Append("</section>\n");
        AppendQuality(page, data);
        AppendSheet(page, data);
        AppendRun(page, data, folder);
        page.Append(DemoPlayer.Script).Append("</main>\n</body>\n</html>\n");
        return page.ToString();
    }

    private static void AppendHead(StringBuilder page, DemoReportData data)
    {
        page.Append("<header>\n<h1>LatentSync.NET demo</h1>\n");
        page.Append(
            data.Weights switch
            {
                DemoWeights.Untrained => """
                <p class="banner"><strong>Untrained weights: this shows that the chain runs, not what the trained network can do.</strong>
                The network has the original's structure but random numbers for weights, so the lower half of the face becomes noise. The face's position comes with the drawing; alignment, audio features, denoising, decoding, pasting and encoding are the real ones.</p>

                """,
                DemoWeights.Embedded => """
                <p class="lead">A drawn head, a sentence it never said, and lips generated to fit it. The small embedded checkpoint was trained on drawn heads; this one, its voice and both sentences are new to it.</p>

                """,
                _ =>
                    "<p class=\"lead\">A drawn head, a sentence it never said, and lips generated to fit it, by the checkpoint that was given.</p>\n",
            }
        );
        SyncReport sync = data.Sync;
        page.Append("<ul class=\"facts\">");
        Fact(page, Number(data.Quality.Correlation, "0.00"), "correlation of lips and speech");
        Fact(page, Number(sync.NetworkFrames, "0"), "frames generated");
        Fact(
            page,
            Number(data.InferenceSteps, "0"),
            data.GuidanceScale > 1 ? $"denoising steps, guidance {Number(data.GuidanceScale, "0.##")}" : "denoising steps"
        );
        Fact(page, Number(sync.TotalSeconds, "0.0") + " s", $"for the lip-sync on {sync.Device}");
        Fact(page, Bytes(sync.PeakMemoryBytes), "peak memory");
        page.Append("</ul>\n</header>\n");
    }

    private static string OutputCaption(DemoWeights weights) =>
        weights == DemoWeights.Untrained ? "untrained weights, the new sentence" : "generated lips, the new sentence";

    private static string Source(string path, string folder) =>
        new FileInfo(path).Length <= EmbeddedVideoBytes
            ? "data:video/mp4;base64," + Convert.ToBase64String(InputFile.ReadAllBytes(path, (int)EmbeddedVideoBytes))
            : string.Join('/', Path.GetRelativePath(folder, path).Split(Path.DirectorySeparatorChar).Select(Uri.EscapeDataString));

    private static void AppendCurves(StringBuilder page, DemoReportData data)
    {
        page.Append("<h2>Do the lips follow the speech?</h2>\n");
        page.Append(
            "<p class=\"legend\"><span class=\"implied\">what the new speech implies</span> <span class=\"output\">measured in the output</span> <span class=\"input\">measured in the input</span></p>\n"
        );
        page.Append(OpeningPlot.ToSvg(data.Curves));
    }

    private static void AppendQuality(StringBuilder page, DemoReportData data)
    {
        QualitySummary summary = QualitySummary.Of([data.Quality]);
        page.Append("<section>\n<h2>Measured in the decoded video</h2>\n<table class=\"quality\">\n<tbody>\n");
        foreach (QualityTarget target in QualityTarget.All)
        {
            // One clip has an offset, not a share of clips without one.
            bool offset = target.Name == "offsetZeroFraction";
            string value = offset ? Frames(data.Quality.OffsetFrames) : target.Show(summary),
                wanted = offset ? "0 frames" : target.Wanted;
            string met = target.IsMet(summary) ? "met" : "missed";
            page.Append($"<tr><th scope=\"row\">{Encode(Titles[target.Name].Title)}<small>{Encode(Titles[target.Name].Text)}</small></th>");
            page.Append($"<td class=\"value\">{Encode(value)}</td>");
            page.Append(
                target.IsControl
                    ? "<td class=\"control\">for comparison</td></tr>\n"
                    : $"<td class=\"{met}\"><span>{met}</span> {Encode(wanted)}</td></tr>\n"
            );
        }
        page.Append("</tbody>\n</table>\n");
        page.Append(
            data.Weights == DemoWeights.Untrained
                ? "<p>With untrained weights the figures about the mouth mean nothing; the targets are a trained network's.</p>\n</section>\n"
                : "</section>\n"
        );

        static string Frames(int count) => $"{Number(count, "+0;-0;0")} {(Math.Abs(count) == 1 ? "frame" : "frames")}";
    }

    private static readonly Dictionary<string, (string Title, string Text)> Titles = new()
    {
        ["correlation"] = ("Lips and new speech", "correlation of the measured opening and the one the speech implies"),
        ["correlationUnrelated"] = ("Lips and an unrelated sentence", "the same with a sentence nobody says here: chance"),
        ["correlationInput"] = ("Input's lips and new speech", "the untouched video, for comparison"),
        ["offsetZeroFraction"] = ("Audio-visual offset", "shift at which lips and speech agree best; plus: the lips are late"),
        ["psnrOutsideMask"] = ("Outside the mouth region", "peak signal-to-noise ratio of output against input, encoding included"),
        ["ssimUpperFace"] = ("Upper face", "structural similarity of output and input above the mask"),
        ["flickerRatio"] = ("Movement inside the region", "frame-to-frame energy, by that of the same head drawn saying the new sentence"),
    };

    private static void AppendSheet(StringBuilder page, DemoReportData data)
    {
        page.Append(
            "<section>\n<h2>Frame by frame</h2>\n<p>Every fifth of a second: input, output, and the same head drawn saying the new sentence, which the network never sees.</p>\n"
        );
        page.Append("<div class=\"sheet\"><ul><li>input</li><li>output</li><li>drawn</li></ul>\n");
        page.Append(
            $"<div class=\"scroll\"><img alt=\"Faces of input, output and reference\" src=\"data:image/png;base64,{Convert.ToBase64String(data.ContactSheetPng)}\"/></div></div>\n</section>\n"
        );
    }

    private static void AppendRun(StringBuilder page, DemoReportData data, string folder)
    {
        SyncReport sync = data.Sync;
        // The page may be shown to others; where it was made is nobody's business.
        string detector = sync.Detector.Replace(folder + Path.DirectorySeparatorChar, string.Empty, StringComparison.Ordinal);
        page.Append("<section>\n<h2>The run</h2>\n<div class=\"tables\">\n");
        Table(
            page,
            "Result",
            [
                (
                    "Video",
                    $"{Number(sync.Width, "0")} x {Number(sync.Height, "0")}, {Number(sync.Frames, "0")} frames at {Number(sync.FrameRate, "0.###")} per second"
                ),
                ("Frames", sync.FrameMapping),
                (
                    "Faces",
                    $"{detector}: {Number(sync.FacesFound, "0")} found, {Number(sync.FacesInterpolated, "0")} interpolated, {Number(sync.WithoutFace.Count, "0")} stretches without"
                ),
                ("Device", $"{sync.Device}, {sync.DType} ({sync.DTypeReason})"),
                ("Seed", Number(sync.Seed, "0")),
            ]
        );
        AppendTimes(page, sync);
        Table(page, "Attention, by layer", [.. sync.Attention.Select(a => (a.Layer, $"{a.Backend} ({Number(a.Calls, "0")} calls)"))]);
        Table(page, "Versions", [.. data.Versions.Select(v => (v.Key, v.Value))]);
        page.Append("</div>\n");
        if (sync.Warnings.Count > 0)
        {
            page.Append("<h2>To know</h2>\n<ul>\n");
            foreach (string warning in sync.Warnings)
            {
                page.Append($"<li>{Encode(warning)}</li>\n");
            }
            page.Append("</ul>\n");
        }
        page.Append("</section>\n");
    }

    private static void AppendTimes(StringBuilder page, SyncReport sync)
    {
        // Detection runs beside the network and the encoder: its time is part of theirs.
        bool overlaps = sync.StageSeconds.ContainsKey("faces") && sync.StageSeconds.ContainsKey("write");
        page.Append($"<table>\n<caption>Time by stage{(overlaps ? "; the stages overlap" : "")}</caption>\n<tbody>\n");
        double longest = Math.Max(sync.StageSeconds.Values.DefaultIfEmpty(0).Max(), 1e-9);
        foreach ((string stage, double seconds) in sync.StageSeconds)
        {
            string name = overlaps && stage == "faces" ? "faces (beside denoise and write)" : stage;
            page.Append(
                $"<tr><th scope=\"row\">{Encode(name)}</th><td class=\"time\"><i style=\"width: {Number(60 * seconds / longest, "0.#")}%\"></i>{DurationText.Of(seconds)}</td></tr>\n"
            );
        }
        page.Append($"<tr><th scope=\"row\">total</th><td>{DurationText.Of(sync.TotalSeconds)}</td></tr>\n</tbody>\n</table>\n");
    }

    private static void Table(StringBuilder page, string title, IReadOnlyList<(string Name, string Value)> rows)
    {
        if (rows.Count == 0)
        {
            return;
        }
        page.Append($"<table>\n<caption>{Encode(title)}</caption>\n<tbody>\n");
        foreach ((string name, string value) in rows)
        {
            page.Append($"<tr><th scope=\"row\">{Encode(name)}</th><td>{Encode(value)}</td></tr>\n");
        }
        page.Append("</tbody>\n</table>\n");
    }

    private static void Fact(StringBuilder page, string value, string name) =>
        page.Append($"<li><b>{Encode(value)}</b> {Encode(name)}</li>");
}
