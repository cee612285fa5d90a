using System.Globalization;
using System.Text.Json;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Display;

/// <summary>The report of a finished run, for people or as JSON.</summary>
internal static class SyncReportDisplay
{
    public static void Write(SyncReport report, bool json)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(report, JsonOutput.Options));
            return;
        }
        foreach (string line in Lines(report))
        {
            Console.Out.WriteLine(PrintableText.Escape(line));
        }
    }

    private static IEnumerable<string> Lines(SyncReport report)
    {
        yield return report.OutputPath;
        yield return Text($"  video      {report.Width}x{report.Height}, {report.FrameRate:0.###} fps, {report.Frames} frames, {report.DurationSeconds:0.00} s");
        yield return $"  frames     {report.FrameMapping}";
        yield return Text($"  faces      {report.Detector}: found in {report.FacesFound} frames, {report.FacesInterpolated} interpolated");
        if (report.WithoutFace.Count > 0)
        {
            string ranges = string.Join(", ", report.WithoutFace.Take(8).Select(r => Text($"{r.StartSeconds:0.00}-{r.EndSeconds:0.00} s")));
            string more = report.WithoutFace.Count > 8 ? $" and {report.WithoutFace.Count - 8} more" : string.Empty;
            yield return $"  unchanged  no face at {ranges}{more}";
        }
        yield return $"  network    {report.Device}, {report.DType} ({report.DTypeReason}), seed {report.Seed}";
        foreach (IGrouping<string, AttentionUse> layer in report.Attention.GroupBy(a => a.Layer))
        {
            yield return $"  attention  {layer.Key}: {string.Join(", ", layer.Select(a => Text($"{a.Backend} x{a.Calls}")))}";
        }
        string stages = string.Join(", ", report.StageSeconds.Select(s => Text($"{s.Key} {s.Value:0.0}")));
        yield return Text($"  time       {report.TotalSeconds:0.0} s ({stages})");
        if (report.SecondsPerStep is { } step)
        {
            yield return Text($"  step       {step:0.00} s per denoising step of a chunk");
        }
        yield return Text($"  memory     {report.PeakMemoryBytes / (1024.0 * 1024 * 1024):0.00} GiB at the peak");
        foreach (string warning in report.Warnings)
        {
            yield return $"  note       {warning}";
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
