using System.CommandLine;
using System.Text.RegularExpressions;
using LatentSync.Cli.Commands;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli;

/// <summary>What a cancelled run leaves, and how to go on.</summary>
internal static partial class GoingOn
{
    /// <summary>What is kept and the command to type; null where there was nothing to keep.</summary>
    /// <param name="parsed">What was cancelled.</param>
    /// <param name="arguments">Its arguments as they were given.</param>
    public static string? After(ParseResult parsed, IReadOnlyList<string> arguments)
    {
        string[] path = [.. Names(parsed)];
        return path switch
        {
            ["sync"] when SyncCommand.Resumes(parsed) => Chunks(parsed, Line(arguments)),
            ["sync"] => Say.In(
                $"nothing was kept; with --resume finished chunks are: {Line([.. arguments, "--resume"])}",
                $"没有保留任何结果；加上 --resume 会保留已完成的分段：{Line([.. arguments, "--resume"])}"
            ),
            ["train", _] => Training(parsed, arguments),
            ["synth"] => Say.In(
                $"complete clips are kept; to draw the rest: {Line(arguments)}",
                $"已完成的片段保留；继续绘制其余片段：{Line(arguments)}"
            ),
            ["demo"] or ["eval", _] => Say.In(
                $"nothing was kept; to start again: {Line(arguments)}",
                $"没有保留任何结果；重新开始：{Line(arguments)}"
            ),
            _ => null,
        };
    }

    private static string Chunks(ParseResult parsed, string line) =>
        SyncCommand.FinishedChunks(parsed) switch
        {
            0 => Say.In($"no chunk was finished, so none is kept; to start again: {line}", $"还没有完成的分段可以保留；重新开始：{line}"),
            1 => Say.In($"1 finished chunk is kept; to go on from there: {line}", $"保留了 1 个已完成的分段；从那里继续：{line}"),
            var count => Say.In(
                $"{count} finished chunks are kept; to go on from there: {line}",
                $"保留了 {count} 个已完成的分段；从那里继续：{line}"
            ),
        };

    private static string Training(ParseResult parsed, IReadOnlyList<string> arguments)
    {
        string line = Line(arguments.Contains("--resume") ? arguments : [.. arguments, "--resume"]);
        return TrainCommand.HasState(parsed)
            ? Say.In($"the training so far is kept; to go on: {line}", $"已保留目前的训练；继续：{line}")
            : Say.In(
                $"no step was finished, so nothing is kept; to start again: {Line(arguments)}",
                $"没有完成任何一步，没有保留任何结果；重新开始：{Line(arguments)}"
            );
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
