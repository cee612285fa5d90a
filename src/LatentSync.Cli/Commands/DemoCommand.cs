using System.CommandLine;
using System.Text.Json;
using LatentSync.Cli.Display;
using LatentSync.Evaluation.Demo;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync demo`.</summary>
internal static class DemoCommand
{
    private static readonly Option<string> Out = new("--out", "-o") { Description = "folder for the results; made when it does not exist", DefaultValueFactory = _ => "demo-out", HelpName = "DIR" };
    private static readonly Option<string?> Checkpoint = new("--checkpoint", "-c") { Description = "checkpoint to use instead of the embedded one", HelpName = "DIR" };
    private static readonly Option<long> Seed = new("--seed") { Description = "chooses person, sentence and noise", DefaultValueFactory = _ => 1247L, HelpName = "N" };
    private static readonly Option<double> Seconds = new("--seconds") { Description = "length of the new speech", DefaultValueFactory = _ => DemoOptions.DefaultDurationSeconds, CustomParser = DecimalNumber.Parse, HelpName = "X" };
    private static readonly Option<int> Steps = new("--steps") { Description = "denoising steps", DefaultValueFactory = _ => DemoOptions.DefaultInferenceSteps, HelpName = "N" };
    private static readonly Option<double> Guidance = new("--guidance") { Description = "classifier-free guidance; 1 switches it off", DefaultValueFactory = _ => DemoOptions.DefaultGuidanceScale, CustomParser = DecimalNumber.Parse, HelpName = "X" };
    private static readonly Option<string> Attention = new("--attention") { Description = "attention policy, as in sync", DefaultValueFactory = _ => "auto", HelpName = "POLICY" };
    private static readonly Option<string> Device = new("--device") { Description = "auto, cpu, cuda, cuda:N or mps", DefaultValueFactory = _ => "auto", HelpName = "NAME" };
    private static readonly Option<string> DType = new("--dtype") { Description = "auto, f32, f16 or bf16; on a CPU f16 and bf16 are slower than f32 unless it has instructions for them", DefaultValueFactory = _ => "auto", HelpName = "NAME" };
    private static readonly Option<bool> Json = new("--json") { Description = "write the result as JSON to standard output" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "demo",
            "Draws a talking head, synthesises another sentence, and lip-syncs the one to the other through the whole chain.",
            """
            Writes input.mp4, speech.wav, output.mp4, reference.mp4 (the same head drawn saying the new sentence, for comparison),
            contact-sheet.png and report.html.

            The embedded checkpoint is small and was trained on drawn heads; person and sentence are new to it, whatever --seed is.
            For real faces use `latentsync sync` with the released weights.

            Example:
              latentsync demo --out demo-out
            """
        )
        {
            Out, Checkpoint, Seed, Seconds, Steps, Guidance, Attention, Device, DType, Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        DemoOptions options = new()
        {
            OutputFolder = parsed.GetRequiredValue(Out),
            CheckpointFolder = parsed.GetValue(Checkpoint) is { } folder ? DemoCheckpoint.Resolve(folder) : null,
            Seed = parsed.GetValue(Seed),
            DurationSeconds = parsed.GetValue(Seconds),
            InferenceSteps = parsed.GetValue(Steps),
            GuidanceScale = parsed.GetValue(Guidance),
            Attention = parsed.GetRequiredValue(Attention),
            Device = parsed.GetRequiredValue(Device),
            DType = parsed.GetRequiredValue(DType),
        };
        using LipSyncPipeline pipeline = new();
        DemoRunner demo = new((sync, progress, token) => pipeline.RunAsync(sync, progress, token));
        using ProgressDisplay display = new();
        DemoResult result = await display.RunAsync(sink => demo.RunAsync(options, ProgressLine.OfDemo(sink), ProgressLine.Of(sink), cancellationToken));
        if (parsed.GetValue(Json))
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(result, JsonOutput.Options));
            return ExitCode.Done;
        }
        SyncReportDisplay.Write(result.Sync, json: false);
        Console.Out.WriteLine();
        Console.Out.WriteLine(result.Trained
            ? FormattableString.Invariant($"The lips follow the new speech with a correlation of {result.Quality.Correlation:0.00} (the input's: {result.Quality.CorrelationInput:0.00}).")
            : "The weights are untrained: the mouth is noise. What this shows is that the whole chain runs here.");
        Console.Out.WriteLine(PrintableText.Escape($"Look at {result.ReportPath}"));
        return ExitCode.Done;
    }
}
