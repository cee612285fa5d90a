using System.CommandLine;

namespace LatentSync.Cli.Commands;

/// <summary>All commands.</summary>
internal static class CommandTree
{
    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "show stack traces of failures", Recursive = true };

    public static RootCommand Create() =>
        new(
            """
            Lip-sync for video: re-animates a speaker's mouth to match new speech (LatentSync in .NET).

            Examples:
              latentsync demo                                       try it: draws a talking head and lip-syncs it
              latentsync sync --video in.mp4 --audio new.wav --out out.mp4 --checkpoint checkpoints
              latentsync doctor                                     what will run on this machine, and why not the rest
            """
        )
        {
            Verbose,
            SyncCommand.Create(),
            DemoCommand.Create(),
            DoctorCommand.Create(),
            ParityCommand.Create(),
        };
}
