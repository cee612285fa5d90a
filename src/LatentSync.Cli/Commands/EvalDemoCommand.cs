using System.CommandLine;
using LatentSync.Cli.Display;
using LatentSync.Evaluation.Demo;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync eval demo`.</summary>
internal static class EvalDemoCommand
{
    private static readonly Option<long> Seed = new("--seed") { Description = "chooses the clips; whatever it is, nobody trained on them", DefaultValueFactory = _ => 1L, HelpName = "N" };
    private static readonly Option<int> Clips = new("--clips") { Description = "number of new clips", DefaultValueFactory = _ => DemoEvaluationOptions.DefaultClipCount, HelpName = "N" };
    private static readonly Option<double> Seconds = new("--seconds") { Description = "length of each new speech", DefaultValueFactory = _ => DemoOptions.DefaultDurationSeconds, CustomParser = DecimalNumber.Parse, HelpName = "X" };
    private static readonly Option<int> Steps = new("--steps") { Description = "denoising steps", DefaultValueFactory = _ => DemoOptions.DefaultInferenceSteps, HelpName = "N" };
    private static readonly Option<double> Guidance = new("--guidance") { Description = "classifier-free guidance; 1 switches it off", DefaultValueFactory = _ => DemoOptions.DefaultGuidanceScale, CustomParser = DecimalNumber.Parse, HelpName = "X" };
    private static readonly Option<string> Checkpoint = new("--checkpoint", "-c") { Description = "checkpoint to measure; \"demo\": the embedded one", DefaultValueFactory = _ => DemoCheckpoint.Name, HelpName = "DIR" };
    private static readonly Option<string?> Keep = new("--keep") { Description = "keep each clip's videos and report in this folder", HelpName = "DIR" };
    private static readonly Option<string> Attention = new("--attention") { Description = "attention policy, as in sync", DefaultValueFactory = _ => "auto", HelpName = "POLICY" };
    private static readonly Option<string> Device = new("--device") { Description = "auto, cpu, cuda, cuda:N or mps", DefaultValueFactory = _ => "auto", HelpName = "NAME" };
    private static readonly Option<string> DType = new("--dtype") { Description = "auto, f32, f16 or bf16; on a CPU f16 and bf16 are slower than f32 unless it has instructions for them", DefaultValueFactory = _ => "auto", HelpName = "NAME" };
    private static readonly Option<bool> Json = new("--json") { Description = "write the result as JSON to standard output" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "demo",
            "Lip-syncs new drawn heads through the whole pipeline and measures the decoded results against targets.",
            """
            Persons, voices and sentences are new: their seeds come from a range that training never uses. Each clip is drawn, encoded,
            lip-synced, decoded and measured beside its input and beside a drawing of the same head that says the new sentence.
            What each figure is: docs/evaluation.md. Missed targets are told, and are no failure: the exit code stays 0.

            Examples:
              latentsync eval demo
              latentsync eval demo --seed 5 --clips 16 --steps 8 --guidance 1.5 --keep clips --json
            """
        )
        {
            Seed, Clips, Seconds, Steps, Guidance, Checkpoint, Keep, Attention, Device, DType, Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        DemoEvaluationOptions options = new()
        {
            Seed = parsed.GetValue(Seed),
            ClipCount = parsed.GetValue(Clips),
            Seconds = parsed.GetValue(Seconds),
            InferenceSteps = parsed.GetValue(Steps),
            GuidanceScale = parsed.GetValue(Guidance),
            CheckpointFolder = parsed.GetRequiredValue(Checkpoint),
            KeepFolder = parsed.GetValue(Keep),
            Attention = parsed.GetRequiredValue(Attention),
            Device = parsed.GetRequiredValue(Device),
            DType = parsed.GetRequiredValue(DType),
        };
        using LipSyncPipeline pipeline = new();
        DemoEvaluation evaluation = new((sync, progress, token) => pipeline.RunAsync(sync, progress, token));
        using ProgressDisplay display = new();
        DemoEvaluationResult result = await display.RunAsync(sink => evaluation.RunAsync(
            options,
            ProgressLine.OfEvaluation(sink, options.ClipCount),
            cancellationToken));
        if (parsed.GetValue(Json))
        {
            EvaluationDisplay.WriteJson(options, result);
        }
        else
        {
            EvaluationDisplay.WriteTable(options, result);
        }
        return ExitCode.Done;
    }
}
