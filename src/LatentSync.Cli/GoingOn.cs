using System.CommandLine;
using System.Text.RegularExpressions;
using LatentSync.Cli.Commands;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli;

/// <summary>How to go on after a run that was cancelled.</summary>
internal static partial class GoingOn
{
    /// <summary>One sentence with the command to type; null where a run begins anew in any case.</summary>
    /// <param name="parsed">What was cancelled.</param>
    /// <param name="arguments">Its arguments as they were given.</param>
    public static string? After(ParseResult parsed, IReadOnlyList<string> arguments)
    {
        string[] path = [.. Names(parsed)];
        return path switch
        {
            ["sync"] when SyncCommand.Resumes(parsed) => $"finished chunks are kept; the same command goes on with them: {Line(arguments)}",
            ["sync"] => "with --resume, finished chunks would be kept for the next time",
            ["train", _] => $"what was trained is kept; to go on: {Line(arguments.Contains("--resume") ? arguments : [.. arguments, "--resume"])}",
            ["synth"] => $"complete clips are kept; the same command goes on with the rest: {Line(arguments)}",
            _ => null,
        };
    }

    /// <summary>A command line that a shell takes as it was meant.</summary>
    internal static string Line(IEnumerable<string> arguments) => string.Join(' ', arguments.Select(Quoted).Prepend("latentsync"));

    private static string Quoted(string argument) =>
        Plain().IsMatch(argument) ? argument
        : OperatingSystem.IsWindows() ? $"\"{PrintableText.Escape(argument).Replace("\"", "\\\"", StringComparison.Ordinal)}\""
        : PrintableText.Escape(argument) is var shown && shown == argument ? $"'{argument.Replace("'", "'\\''", StringComparison.Ordinal)}'"
        : $"$'{PrintableText.Escape(argument.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal))}'";

    private static IEnumerable<string> Names(ParseResult parsed)
    {
        Stack<string> names = [];
        for (System.CommandLine.Parsing.SymbolResult? symbol = parsed.CommandResult; symbol?.Parent is not null; symbol = symbol.Parent)
        {
            names.Push(((System.CommandLine.Parsing.CommandResult)symbol).Command.Name);
        }
        return names;
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_./:=,@%+-]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex Plain();
}
