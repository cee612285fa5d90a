using System.CommandLine;
using LatentSync.Cli.Commands.AttentionCommands;
using LatentSync.Cli.Usage;

namespace LatentSync.Cli.Commands;

/// <summary>All commands.</summary>
internal static class CommandTree
{
    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "show the stack trace of a failure", Recursive = true };

    public static Option<string?> Language { get; } =
        new("--lang")
        {
            Description = "language of messages and reports: en or zh; default: the locale's",
            HelpName = "en|zh",
            Recursive = true,
        };

    private const string Teaching = """
        Examples:
          latentsync demo                                       try it: draws a talking head and lip-syncs it
          latentsync sync --video in.mp4 --audio new.wav --out out.mp4 --checkpoint checkpoints
          latentsync doctor                                     what runs on this machine, and why the rest does not
          latentsync help sync                                  all options of a command, with examples

        Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 this machine lacks something, 130 cancelled
        (Ctrl+C; 143 by SIGTERM, 129 when the terminal is gone). With --json, a failure is JSON on standard output as well:
        {"error": {kind, code, message, remedy, exitCode}}.
        """;

    /// <summary>The language that a command line asks for, as it stands there; null: it asks for none.</summary>
    /// <param name="parsed">The command line; it may have faults.</param>
    public static string? LanguageIn(ParseResult parsed) => parsed.GetResult(Language) is { Tokens: [var token] } ? token.Value : null;

    /// <summary>The tree.</summary>
    /// <param name="helpWidth">Columns of the help; null: the terminal's.</param>
    public static RootCommand Create(int? helpWidth = null)
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
            ModelsCommand.Create(),
            TrainCommand.Create(),
            HelpCommand.Create(),
        };
        UsageErrors.RefuseMisspeltOptions(root);
        TeachingCommand.Enable(root, Teaching, helpWidth);
        return root;
    }
}
