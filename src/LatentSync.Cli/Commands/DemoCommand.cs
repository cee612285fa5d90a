using System.CommandLine;
using System.Text.Json;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Evaluation.Demo;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync demo`.</summary>
internal static class DemoCommand
{
    private static readonly Option<string> Out = new("--out", "-o")
    {
        Description = DemoOptions.Table[nameof(DemoOptions.OutputFolder)].Help,
        DefaultValueFactory = _ => "demo-out",
        HelpName = "DIR",
    };
    private static readonly DeclaredOptions<DemoOptions> Options = new(
        DemoOptions.Table,
        declared =>
            declared.Name switch
            {
                nameof(DemoOptions.OutputFolder) => Out,
                nameof(DemoOptions.CheckpointFolder) => DeclaredOption.Of(declared, "-c"),
                nameof(DemoOptions.Attention) => new PolicyOption { Description = declared.Help },
                _ => null,
            }
    );
    private static readonly Option<bool> Json = new("--json") { Description = "print the result as JSON" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "demo",
            "Draws a talking head, synthesises a new sentence and lip-syncs the head to it: tries the whole pipeline.",
            """
            Writes input.mp4, speech.wav, output.mp4, reference.mp4 (the same head drawn saying the new sentence, for comparison),
            contact-sheet.png and report.html.

            The embedded checkpoint is small and was trained on drawn heads. Whatever the seed, it has never seen this person or this
            sentence. For real faces use `latentsync sync` with ByteDance's weights.

            Example:
              latentsync demo --out demo-out
            """
        );
        Options.AddTo(command);
        command.Options.Add(Json);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        DemoOptions options = Options.Read(parsed);
        if (options.CheckpointFolder is { } folder)
        {
            options = options with { CheckpointFolder = DemoCheckpoint.Resolve(folder) };
        }
        using LipSyncPipeline pipeline = new();
        DemoRunner demo = new((sync, progress, token) => pipeline.RunAsync(sync, progress, token));
        using ProgressDisplay display = new();
        DemoResult result = await display.RunAsync(sink =>
            demo.RunAsync(options, ProgressLine.OfDemo(sink), ProgressLine.Of(sink), cancellationToken)
        );
        if (parsed.GetValue(Json))
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(result, JsonOutput.Options));
            return ExitCode.Done;
        }
        SyncReportDisplay.Write(result.Sync, json: false);
        Console.Out.WriteLine();
        WrappedText.Write(
            result.Trained
                ? Sentence.Say(
                    $"The lips follow the new speech with a correlation of {result.Quality.Correlation:0.00} (the input's: {result.Quality.CorrelationInput:0.00})."
                )
                : Sentence.Say("The weights are untrained: the mouth is noise. This shows only that the whole pipeline runs here.")
        );
        Console.Out.WriteLine(PrintableText.Escape(Sentence.Say($"Look at {result.ReportPath}")));
        return ExitCode.Done;
    }
}
