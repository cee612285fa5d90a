using System.CommandLine;
using System.CommandLine.Parsing;

namespace LatentSync.Cli;

/// <summary>Says what is wrong with a command line. The parser's own report would bury it under the whole help, on standard output, where
/// scripts expect results.</summary>
internal static class UsageReport
{
    public static int Write(RootCommand root, ParseResult parsed)
    {
        string[] path = [.. Path(parsed.CommandResult).Skip(1)];
        if (parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count == 0)
        {
            // Nothing was asked for yet: show what can be.
            root.Parse([.. path, "--help"]).Invoke(new InvocationConfiguration { Output = Console.Error });
            return ExitCode.Usage;
        }
        foreach (string message in parsed.Errors.Select(e => e.Message).Distinct())
        {
            Console.Error.WriteLine($"latentsync: {message}");
        }
        Console.Error.WriteLine($"Type \"{string.Join(' ', (IEnumerable<string>)["latentsync", .. path, "--help"])}\" for what there is, with examples.");
        return ExitCode.Usage;
    }

    private static IEnumerable<string> Path(CommandResult result) =>
        result.Parent is CommandResult parent ? Path(parent).Append(result.Command.Name) : [result.Command.Name];
}
