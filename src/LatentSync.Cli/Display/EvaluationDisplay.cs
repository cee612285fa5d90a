using System.Globalization;
using System.Text.Json;
using LatentSync.Evaluation.Demo;
using LatentSync.Evaluation.Quality;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Display;

/// <summary>The answers of `eval demo`: figures beside their targets, or JSON.</summary>
internal static class EvaluationDisplay
{
    public static void WriteTable(DemoEvaluationOptions options, DemoEvaluationResult result)
    {
        Line(
            $"{result.Clips.Count} new clips of {options.DurationSeconds:0.##} s, seed {options.Seed}, {options.InferenceSteps} steps, guidance {options.GuidanceScale:0.##}, {DurationText.Of(result.TotalSeconds)}"
        );
        Line($"{result.CheckpointFolder}{(result.Trained ? "" : " (untrained)")}");
        Line($"");
        Line($"  clip  correlation  unrelated  input  offset  PSNR outside  SSIM above  flicker");
        for (int i = 0; i < result.Clips.Count; i++)
        {
            ClipQuality q = result.Clips[i].Quality;
            Line(
                $"  {i + 1, 4}  {q.Correlation, 11:0.000}  {q.CorrelationUnrelated, 9:0.000}  {q.CorrelationInput, 5:0.00}  {q.OffsetFrames, 6}  {q.PsnrOutsideMask, 9:0.0} dB  {q.SsimUpperFace, 10:0.000}  {q.FlickerRatio, 7:0.00}"
            );
        }
        Line($"");
        int name = QualityTarget.All.Max(t => t.Name.Length),
            wanted = QualityTarget.All.Max(t => t.Wanted.Length);
        Line($"  {"".PadRight(name)}     {"result", 8}  {"wanted".PadRight(wanted)}");
        foreach (QualityTarget target in QualityTarget.All)
        {
            Line(
                $"  {target.Name.PadRight(name)}  {(target.IsMet(result.Summary) ? "ok" : "--")} {target.Show(result.Summary), 8}  {target.Wanted.PadRight(wanted)}  {target.Meaning}"
            );
        }
        string[] missed = [.. QualityTarget.All.Where(t => !t.IsMet(result.Summary)).Select(t => t.Name)];
        Line($"");
        Line($"{(missed.Length == 0 ? "all targets are met" : $"missed: {string.Join(", ", missed)}")}");
    }

    public static void WriteJson(DemoEvaluationOptions options, DemoEvaluationResult result)
    {
        QualitySummary summary = result.Summary;
        var answer = new
        {
            correlation = summary.Correlation,
            correlationUnrelated = summary.CorrelationUnrelated,
            correlationInput = summary.CorrelationInput,
            offsetZeroFraction = summary.OffsetZeroFraction,
            psnrOutsideMask = summary.PsnrOutsideMask,
            ssimUpperFace = summary.SsimUpperFace,
            flickerRatio = summary.FlickerRatio,
            seed = options.Seed,
            clips = result.Clips.Count,
            seconds = options.DurationSeconds,
            steps = options.InferenceSteps,
            guidance = options.GuidanceScale,
            checkpoint = result.CheckpointFolder,
            trained = result.Trained,
            totalSeconds = result.TotalSeconds,
            targets = QualityTarget.All.Select(t => new
            {
                name = t.Name,
                least = t.Least,
                most = t.Most,
                met = t.IsMet(summary),
            }),
            perClip = result.Clips.Select(clip => new
            {
                seed = clip.Seed,
                correlation = clip.Quality.Correlation,
                correlationUnrelated = clip.Quality.CorrelationUnrelated,
                correlationInput = clip.Quality.CorrelationInput,
                offsetFrames = clip.Quality.OffsetFrames,
                psnrOutsideMask = clip.Quality.PsnrOutsideMask,
                ssimUpperFace = clip.Quality.SsimUpperFace,
                flickerRatio = clip.Quality.FlickerRatio,
                syncSeconds = clip.SyncSeconds,
                folder = clip.Folder,
            }),
        };
        Console.Out.WriteLine(JsonSerializer.Serialize(answer, JsonOutput.Options));
    }

    private static void Line(FormattableString text) => WrappedText.Write(text.ToString(CultureInfo.InvariantCulture).TrimEnd(), hang: 4);
}
