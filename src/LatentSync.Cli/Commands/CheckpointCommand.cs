using System.CommandLine;
using LatentSync.Cli.Usage;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Networks;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync checkpoint`.</summary>
internal static class CheckpointCommand
{
    private const int MaximumReadMeBytes = 16 << 20;

    private static readonly Option<string> Out = new("--out", "-o")
    {
        Description = "folder for the checkpoint; created if missing, otherwise it must be empty",
        Required = true,
        HelpName = "DIR",
    };
    private static readonly Option<string> Size = new ChoiceOption("--size", "demo", "full")
    {
        Description = "demo (4.6 MB, narrow networks) or full (5.4 GB, the released configuration)",
        DefaultValueFactory = _ => "demo",
        HelpName = "NAME",
    };
    private static readonly Option<string> UNet = new("--unet")
    {
        Description = "checkpoint-N.pt of `train unet`",
        Required = true,
        HelpName = "FILE",
    };
    private static readonly Option<string> Configuration = new("--config")
    {
        Description = "the YAML file the UNet was trained with",
        Required = true,
        HelpName = "FILE",
    };
    private static readonly Option<string> Vae = new("--vae")
    {
        Description = "folder checkpoint-N of `train vae`, or one of diffusers",
        Required = true,
        HelpName = "DIR",
    };
    private static readonly Option<string> Whisper = new("--whisper")
    {
        Description = "checkpoint-N.pt of `train speech`, or a file of Whisper",
        Required = true,
        HelpName = "FILE",
    };
    private static readonly Option<string?> ReadMe = new("--readme")
    {
        Description = "text file to include as README.txt",
        HelpName = "FILE",
    };
    private static readonly Option<long> Seed = new("--seed")
    {
        Description = "seed of the weights",
        DefaultValueFactory = _ => 1247L,
        HelpName = "N",
    };

    public static Command Create()
    {
        TeachingCommand create = new(
            "new",
            "Makes an untrained checkpoint: random weights in the original's file layout.",
            """
            It generates noise instead of a mouth, but takes the time and memory of trained weights of the same size: use it to try a
            machine before downloading anything.

            Example:
              latentsync checkpoint new --size full --out /tmp/full
              latentsync sync --video v.mp4 --audio a.wav --out o.mp4 --checkpoint /tmp/full --steps 2 --preview 0.6
            """
        )
        {
            Out,
            Size,
            Seed,
        };
        create.SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, cancellationToken), cancellationToken));
        TeachingCommand assemble = new(
            "assemble",
            "Puts separately trained networks together into a checkpoint for sync, in half precision.",
            """
            Example:
              latentsync checkpoint assemble --unet unet/checkpoint-1000.pt --config unet.yaml --vae vae/checkpoint-1000 --whisper speech/checkpoint-2400.pt --out mine
              latentsync sync --video v.mp4 --audio a.wav --out o.mp4 --checkpoint mine
            """
        )
        {
            UNet,
            Configuration,
            Vae,
            Whisper,
            ReadMe,
            Out,
        };
        assemble.SetAction((parsed, cancellationToken) => Task.Run(() => Assemble(parsed, cancellationToken), cancellationToken));
        TeachingCommand group = new(
            "checkpoint",
            "Create or assemble checkpoints.",
            """
            Example:
              latentsync checkpoint new --out checkpoint
            """
        )
        {
            create,
            assemble,
        };
        return group;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        SeededCheckpointSize size = parsed.GetRequiredValue(Size) == "full" ? SeededCheckpointSize.Full : SeededCheckpointSize.Demo;
        string folder = EmptyFolder(parsed);
        Console.Error.WriteLine(Sentence.Say($"writing an untrained checkpoint ({parsed.GetRequiredValue(Size)}) ..."));
        SeededCheckpoint.Write(folder, parsed.GetValue(Seed), size, cancellationToken);
        Console.Out.WriteLine(PrintableText.Escape(Path.GetFullPath(folder)));
        return ExitCode.Done;
    }

    private static int Assemble(ParseResult parsed, CancellationToken cancellationToken)
    {
        string folder = EmptyFolder(parsed);
        CheckpointParts parts = new()
        {
            UNet = parsed.GetRequiredValue(UNet),
            Configuration = parsed.GetRequiredValue(Configuration),
            Autoencoder = parsed.GetRequiredValue(Vae),
            Whisper = parsed.GetRequiredValue(Whisper),
            ReadMe = parsed.GetValue(ReadMe) is { } path ? InputFile.ReadAllText(path, MaximumReadMeBytes) : null,
        };
        CheckpointAssembly.Write(parts, folder, cancellationToken);
        Console.Out.WriteLine(PrintableText.Escape(Path.GetFullPath(folder)));
        return ExitCode.Done;
    }

    private static string EmptyFolder(ParseResult parsed)
    {
        string folder = OutputPath.Folder(parsed.GetRequiredValue(Out));
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new SyncOptionsException(
                $"--out {folder} is not empty; give a new or empty folder, so that nothing of yours is replaced."
            );
        }
        return folder;
    }
}
