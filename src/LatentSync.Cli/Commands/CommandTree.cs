using System.CommandLine;
using LatentSync.Cli.Commands.AttentionCommands;

namespace LatentSync.Cli.Commands;

/// <summary>All commands.</summary>
internal static class CommandTree
{
    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "show stack traces of failures", Recursive = true };

    public static Option<string?> Language { get; } = new("--lang") { Description = "language of the doctor's answers and of the attention errors: en or zh", HelpName = "en|zh", Recursive = true };

    private const string Teaching = """
        Examples:
          latentsync demo                                       try it: draws a talking head and lip-syncs it
          latentsync sync --video in.mp4 --audio new.wav --out out.mp4 --checkpoint checkpoints
          latentsync doctor                                     what will run on this machine, and why not the rest
          latentsync sync --help                                every option of a command, with examples

        Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 this machine lacks something, 130 cancelled
        (Ctrl+C; 143 by SIGTERM, 129 when the terminal is gone).
        """;

    public static RootCommand Create()
    {
        RootCommand root = new("Lip-sync for video: re-animates a speaker's mouth to match new speech (LatentSync in .NET).")
        {
            Verbose,
            Language,
            SyncCommand.Create(),
            DemoCommand.Create(),
            SynthCommand.Create(),
            DoctorCommand.Create(),
            ParityCommand.Create(),
            AttentionCommand.Create(),
            EvalCommand.Create(),
            CheckpointCommand.Create(),
            TrainCommand.Create(),
        };
        TeachingCommand.Enable(root, Teaching);
        return root;
    }
}
