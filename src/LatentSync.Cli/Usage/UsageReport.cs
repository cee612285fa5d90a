using System.CommandLine;
using System.CommandLine.Parsing;
using LatentSync.Cli.Display;

namespace LatentSync.Cli.Usage;

/// <summary>Says what is wrong with a command line. The parser's own report would bury it under the whole help, on standard output, where
/// scripts expect results.</summary>
internal static class UsageReport
{
    /// <summary>Reports what the parser found.</summary>
    /// <param name="root">The whole tree.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="isJson">JSON is asked for.</param>
    public static int Write(RootCommand root, ParseResult parsed, bool isJson)
    {
        string[] path = [.. Path(parsed.CommandResult).Skip(1)];
        if (parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count == 0 && !isJson)
        {
            // Nothing was asked for yet: show what can be.
            root.Parse([.. path, "--help"]).Invoke(new InvocationConfiguration { Output = Console.Error });
            return ExitCode.Usage;
        }
        return Write(UsageErrors.Of(parsed), path, isJson);
    }

    /// <summary>Reports faults.</summary>
    /// <param name="faults">One sentence each.</param>
    /// <param name="path">The command whose help tells more, name by name.</param>
    /// <param name="isJson">JSON is asked for.</param>
    public static int Write(IReadOnlyList<string> faults, IReadOnlyList<string> path, bool isJson)
    {
        foreach (string fault in faults)
        {
            Say.Failure(fault);
        }
        string help = string.Join(' ', ["latentsync", .. path, "--help"]);
        string more = Say.In($"Run \"{help}\" for usage and examples.", $"运行“{help}”查看用法和示例。");
        WrappedText.WriteError(more);
        if (isJson)
        {
            new FailureJson("usage", null, string.Join("; ", faults), more, ExitCode.Usage).Write();
        }
        return ExitCode.Usage;
    }

    private static IEnumerable<string> Path(CommandResult result) =>
        result.Parent is CommandResult parent ? Path(parent).Append(result.Command.Name) : [result.Command.Name];
}
