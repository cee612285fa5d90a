using System.CommandLine;
using LatentSync.Demo;
using LatentSync.Pipelines;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync checkpoint`.</summary>
internal static class CheckpointCommand
{
    private static readonly Option<string> Out = new("--out", "-o") { Description = "folder for the checkpoint; made when it does not exist, must be empty otherwise", Required = true, HelpName = "DIR" };
    private static readonly Option<string> Size = new("--size") { Description = "demo (4.6 MB, narrow networks) or full (5.4 GB, the released configuration)", DefaultValueFactory = _ => "demo", HelpName = "NAME" };
    private static readonly Option<long> Seed = new("--seed") { Description = "seed of the weights", DefaultValueFactory = _ => 1247L, HelpName = "N" };

    public static Command Create()
    {
        TeachingCommand create = new(
            "new",
            "Makes an untrained checkpoint with seeded random weights in the original's file layout.",
            """
            The result generates noise instead of a mouth, but in the time and memory that trained weights of the same size take:
            try a machine before downloading anything.

            Example:
              latentsync checkpoint new --size full --out /tmp/full
              latentsync sync --video v.mp4 --audio a.wav --out o.mp4 --checkpoint /tmp/full --steps 2 --preview 0.6
            """
        )
        {
            Out, Size, Seed,
        };
        create.SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, cancellationToken), cancellationToken));
        TeachingCommand group = new(
            "checkpoint",
            "Checkpoint folders.",
            """
            Example:
              latentsync checkpoint new --out checkpoint
            """
        )
        {
            create,
        };
        return group;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        SeededCheckpointSize size = parsed.GetRequiredValue(Size) switch
        {
            "demo" => SeededCheckpointSize.Demo,
            "full" => SeededCheckpointSize.Full,
            string other => throw new SyncOptionsException($"--size must be demo or full, not \"{other}\"."),
        };
        string folder = parsed.GetRequiredValue(Out);
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new SyncOptionsException($"--out {folder} is not empty; give a new or empty folder, so that nothing of yours is replaced.");
        }
        Console.Error.WriteLine($"writing an untrained checkpoint ({parsed.GetRequiredValue(Size)}) ...");
        SeededCheckpoint.Write(folder, parsed.GetValue(Seed), size, cancellationToken);
        Console.Out.WriteLine(Path.GetFullPath(folder));
        return ExitCode.Done;
    }
}
