using System.Globalization;
using System.Text.Json;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Display;

/// <summary>The report of a finished run, for people or as JSON.</summary>
internal static class SyncReportDisplay
{
    /// <summary>Columns before a value: what continues it stands below it.</summary>
    private const int LabelWidth = 13;

    public static void Write(SyncReport report, bool json)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(report, JsonOutput.Options));
            return;
        }
        foreach (string line in Lines(report))
        {
            WrappedText.Write(PrintableText.Escape(line), LabelWidth - 2);
        }
    }

    /// <summary>The report for people, line by line.</summary>
    internal static IEnumerable<string> Lines(SyncReport report)
    {
        yield return report.OutputPath;
        yield return Row(
            "video",
            $"{report.Width}x{report.Height}, {report.FrameRate:0.###} fps, {report.Frames} frames, {Length(report.DurationSeconds)}"
        );
        yield return Row("frames", report.FrameMapping);
        yield return Row("faces", $"{report.Detector}: found in {report.FacesFound} frames, {report.FacesInterpolated} interpolated");
        if (report.Persons.Count > 1)
        {
            foreach (PersonSeen person in report.Persons)
            {
                Sentence ranges = Ranges(person.Ranges);
                yield return Row(
                    "person",
                    person.IsFollowed
                        ? (Sentence)$"{person.Label}, seen at {ranges}: the mouth that was generated"
                        : $"{person.Label}, seen at {ranges}: left as they are"
                );
            }
        }
        if (report.WithoutFace.Count > 0)
        {
            Sentence ranges = Ranges(report.WithoutFace);
            yield return Row("unchanged", $"no face at {ranges}");
        }
        yield return Row("network", $"{report.Device}, {report.DType} ({report.DTypeReason}), seed {report.Seed}");
        foreach (IGrouping<string, AttentionUse> layer in report.Attention.GroupBy(a => a.Layer))
        {
            yield return Row("attention", $"{layer.Key}: {string.Join(", ", layer.Select(a => Text($"{a.Backend} x{a.Calls}")))}");
        }
        yield return Row("time", $"{Duration(report.TotalSeconds)}: {Stages(report.StageSeconds)}");
        if (report.SecondsPerStep is { } step)
        {
            yield return Row("step", $"{Duration(step)} per denoising step of a chunk");
        }
        yield return Row("memory", $"{report.PeakMemoryBytes / (1024.0 * 1024 * 1024):0.00} GiB at the peak");
        foreach (string warning in report.Warnings)
        {
            yield return Row("note", warning);
        }
    }

    private static string Row(Sentence label, Sentence text) => $"  {Columns.Pad(label.ToString(), LabelWidth - 2)}{text}";

    // Detection of the next frames runs beside the network and the encoder; its time is part of theirs.
    private static Sentence Stages(IReadOnlyDictionary<string, double> seconds)
    {
        string all = string.Join(", ", seconds.Select(stage => $"{stage.Key} {Duration(stage.Value)}"));
        string[] beside = [.. seconds.Keys.Where(stage => stage is "denoise" or "write")];
        return !seconds.ContainsKey("faces") || beside.Length == 0 ? (Sentence)$"{all}"
            : beside is [var one] ? (Sentence)$"{all} (faces overlaps with {one})"
            : $"{all} (faces overlaps with {beside[0]} and {beside[1]})";
    }

    // A video's length, which may matter to the frame.
    private static string Length(double seconds) => seconds < 60 ? Sentence.Say($"{seconds:0.00} s") : Duration(seconds);

    private static string Duration(double seconds) => DurationText.Of(seconds, Say.IsChinese);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static Sentence Ranges(IReadOnlyList<TimeRange> ranges)
    {
        const int Most = 8;
        string shown = string.Join(", ", ranges.Take(Most).Select(r => Text($"{r.StartSeconds:0.00}-{r.EndSeconds:0.00} s")));
        return ranges.Count > Most ? (Sentence)$"{shown} and {ranges.Count - Most} more" : $"{shown}";
    }
}
