using System.CommandLine;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Evaluation.Demo;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync eval demo`.</summary>
internal static class EvalDemoCommand
{
    private static readonly DeclaredOptions<DemoEvaluationOptions> Options = new(
        DemoEvaluationOptions.Table,
        declared =>
            declared.Name switch
            {
                nameof(DemoEvaluationOptions.CheckpointFolder) => DeclaredOption.Of(declared, "-c"),
                nameof(DemoEvaluationOptions.Attention) => new PolicyOption { Description = declared.Help },
                _ => null,
            }
    );
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
        );
        Options.AddTo(command);
        command.Options.Add(Json);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        DemoEvaluationOptions options = Options.Read(parsed);
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
