using System.CommandLine;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Evaluation.Demo;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync eval demo`.</summary>
internal static class EvalDemoCommand
{
    private static readonly Option<long> Seed = new("--seed")
    {
        Description = "picks the clips; whatever it is, no checkpoint of ours was trained on them",
        DefaultValueFactory = _ => 1L,
        HelpName = "N",
    };
    private static readonly Option<int> Clips = new("--clips")
    {
        Description = "number of new clips",
        DefaultValueFactory = _ => DemoEvaluationOptions.DefaultClipCount,
        HelpName = "N",
    };
    private static readonly Option<double> Seconds = new("--seconds")
    {
        Description = "length of each new speech, in seconds",
        DefaultValueFactory = _ => DemoOptions.DefaultDurationSeconds,
        CustomParser = DecimalNumber.Parse,
        HelpName = "X",
    };
    private static readonly Option<int> Steps = new("--steps")
    {
        Description = "denoising steps",
        DefaultValueFactory = _ => DemoOptions.DefaultInferenceSteps,
        HelpName = "N",
    };
    private static readonly Option<double> Guidance = new("--guidance")
    {
        Description = "classifier-free guidance; 1 turns it off",
        DefaultValueFactory = _ => DemoOptions.DefaultGuidanceScale,
        CustomParser = DecimalNumber.Parse,
        HelpName = "X",
    };
    private static readonly Option<string> Checkpoint = new("--checkpoint", "-c")
    {
        Description = "checkpoint to measure; \"demo\": the embedded one",
        DefaultValueFactory = _ => DemoCheckpoint.Name,
        HelpName = "DIR",
    };
    private static readonly Option<string?> Keep = new("--keep")
    {
        Description = "keep each clip's videos and report in this folder",
        HelpName = "DIR",
    };
    private static readonly Option<string> Attention = new PolicyOption { Description = "attention policy, as in sync" };
    private static readonly Option<string> Device = (Option<string>)DeclaredOption.Of(SyncOptions.Table[nameof(SyncOptions.Device)]);
    private static readonly Option<string> DType = (Option<string>)DeclaredOption.Of(SyncOptions.Table[nameof(SyncOptions.DType)]);
    private static readonly Option<bool> Json = new("--json") { Description = "print the result as JSON" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "demo",
            "Lip-syncs new drawn heads through the whole pipeline and measures the decoded results against targets.",
            """
            Persons, voices and sentences are new: their seeds come from a range that training never uses. Each clip is drawn, encoded,
            lip-synced, decoded, and compared with its input and with a drawing of the same head saying the new sentence.
            docs/evaluation.md explains each figure. Missed targets are reported but don't change the exit code.

            Examples:
              latentsync eval demo
              latentsync eval demo --seed 5 --clips 16 --steps 8 --guidance 1.5 --keep clips --json
            """
        )
        {
            Seed,
            Clips,
            Seconds,
            Steps,
            Guidance,
            Checkpoint,
            Keep,
            Attention,
            Device,
            DType,
            Json,
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
        DemoEvaluationResult result = await display.RunAsync(sink =>
            evaluation.RunAsync(options, ProgressLine.OfEvaluation(sink, options.ClipCount), cancellationToken)
        );
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
