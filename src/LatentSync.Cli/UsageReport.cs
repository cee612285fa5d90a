using System.CommandLine;
using System.CommandLine.Parsing;

namespace LatentSync.Cli;

/// <summary>Says what is wrong with a command line, and where its help is.</summary>
internal static class UsageReport
{
    private const int FarthestTypo = 3;

    /// <summary>Writes one line per mistake.</summary>
    public static int Write(ParseResult parsed)
    {
        foreach (ParseError error in parsed.Errors)
        {
            Console.Error.WriteLine($"latentsync: {error.Message}");
        }
        foreach (string token in parsed.UnmatchedTokens.Where(t => t.StartsWith('-')))
        {
            if (Nearest(token, parsed.CommandResult.Command.Options.Select(o => o.Name)) is { } name)
            {
                Console.Error.WriteLine($"latentsync: did you mean {name}?");
            }
        }
        Console.Error.WriteLine($"latentsync: see \"{CommandLineOf(parsed)} --help\"");
        return ExitCode.Usage;
    }

    private static string CommandLineOf(ParseResult parsed)
    {
        List<string> names = [];
        for (SymbolResult? result = parsed.CommandResult; result is CommandResult command; result = result.Parent)
        {
            names.Insert(0, command.Command is RootCommand ? "latentsync" : command.Command.Name);
        }
        return string.Join(' ', names);
    }

    private static string? Nearest(string token, IEnumerable<string> names)
    {
        (string Name, int Distance) best = names.Select(name => (name, Distance(token, name))).DefaultIfEmpty((string.Empty, int.MaxValue)).MinBy(n => n.Item2);
        return best.Distance <= FarthestTypo ? best.Name : null;
    }

    // Levenshtein's edit distance.
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            (int diagonal, row[0]) = (row[0], i);
            for (int j = 1; j <= b.Length; j++)
            {
                int substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitution, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
