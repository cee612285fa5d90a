using System.CommandLine;
using LatentSync.Chunks;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Evaluation.Demo;
using LatentSync.Networks;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync sync`.</summary>
internal static class SyncCommand
{
    private static readonly Option<string> Checkpoint = new("--checkpoint", "-c")
    {
        Description = SyncOptions.Table[nameof(SyncOptions.CheckpointFolder)].Help + "; \"demo\": the embedded one, for drawn faces only",
        HelpName = "DIR",
        DefaultValueFactory = _ => "checkpoints",
    };
    private static readonly Option<string> Attention = new PolicyOption
    {
        Description = SyncOptions.Table[nameof(SyncOptions.Attention)].Help + "; latentsync doctor lists the backends",
    };

    /// <summary>Every option of the library. Only what the command line does differently is written here.</summary>
    private static readonly DeclaredOptions<SyncOptions> Options = new(
        SyncOptions.Table,
        declared =>
            declared.Name switch
            {
                nameof(SyncOptions.CheckpointFolder) => Checkpoint,
                nameof(SyncOptions.Attention) => Attention,
                nameof(SyncOptions.DeepCache) => new SwitchOption(declared),
                nameof(SyncOptions.VideoPath) => DeclaredOption.Of(declared, "-v"),
                nameof(SyncOptions.AudioPath) => DeclaredOption.Of(declared, "-a"),
                nameof(SyncOptions.OutputPath) => DeclaredOption.Of(declared, "-o"),
                _ => null,
            }
    );
    private static readonly Option<bool> Json = new("--json") { Description = "print the report as JSON" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "sync",
            "Lip-syncs a video to new speech.",
            """
            Example:
              latentsync sync --video talk.mp4 --audio dubbed.wav --out talk.dubbed.mp4 --checkpoint checkpoints --steps 20 --guidance 1.5

            The result keeps the video's size, frame rate and metadata and the speech's quality. Frames without a face stay as they are.
            Ctrl+C leaves no unfinished file; with --resume, rerunning the command reuses finished chunks.

            Weights: latentsync models get latentsync-1.5 (or latentsync-1.6, 512 px) fetches them from Hugging Face into checkpoints/.
            --checkpoint demo uses the embedded checkpoint, for drawn faces only.
            """
        );
        Options.AddTo(command);
        command.Options.Add(Json);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        SyncOptions options = Read(parsed);
        string? scope = parsed.GetRequiredValue(Checkpoint) == DemoCheckpoint.Name && !options.Identity ? DemoCheckpoint.Scope : null;
        if (scope is not null)
        {
            Say.Warning(scope); // before the wait
        }
        bool json = parsed.GetValue(Json);
        SyncReport report;
        try
        {
            report = await RunAsync(options, cancellationToken);
        }
        catch (CheckpointFolderException) when (MissingCheckpoint.Is(options.CheckpointFolder))
        {
            await MissingCheckpoint.FetchOrSayAsync(options.CheckpointFolder, mayAsk: !json, cancellationToken);
            report = await RunAsync(options, cancellationToken);
        }
        SyncReportDisplay.Write(json && scope is not null ? report with { Warnings = [scope, .. report.Warnings] } : report, json);
        return ExitCode.Done;
    }

    private static async Task<SyncReport> RunAsync(SyncOptions options, CancellationToken cancellationToken)
    {
        using ProgressDisplay progress = new();
        return await progress.RunAsync(sink => LipSync.RunAsync(options, ProgressLine.Of(sink), cancellationToken));
    }

    private static SyncOptions Read(ParseResult parsed)
    {
        SyncOptions options = Options.Read(parsed);
        return options with { CheckpointFolder = DemoCheckpoint.Resolve(options.CheckpointFolder) };
    }

    /// <summary>The command line asks for finished chunks to be kept.</summary>
    public static bool Resumes(ParseResult parsed) => Read(parsed).Resume;

    /// <summary>Finished chunks that lie beside the output.</summary>
    public static int FinishedChunks(ParseResult parsed)
    {
        string folder = new ChunkStore(Read(parsed).OutputPath).Folder;
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.chunk").Count() : 0;
    }
}
