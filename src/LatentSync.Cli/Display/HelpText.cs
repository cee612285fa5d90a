using System.Text.RegularExpressions;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Display;

/// <summary>The part of a command's help after its options: paragraphs that fill the line, and examples, which are indented.</summary>
internal static partial class HelpText
{
    /// <summary>Columns where there is no terminal.</summary>
    public const int UsualWidth = 100;

    private const int CommentIndent = 6;

    /// <summary>The text as lines of at most a width.</summary>
    /// <param name="text">Lines that begin with a blank are kept apart; the others up to an empty line are one paragraph.</param>
    /// <param name="width">Columns of the terminal; null: none, examples stay on one line each.</param>
    /// <param name="continuation">What a shell takes for "goes on in the next line"; empty: it has no such sign, and commands stay
    /// whole.</param>
    public static IEnumerable<string> Lines(string text, int? width, string continuation)
    {
        string[] lines = text.ReplaceLineEndings("\n").Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (!IsProse(lines[i]))
            {
                foreach (string part in lines[i].Length == 0 ? [string.Empty] : Example(lines[i], width, continuation))
                {
                    yield return part;
                }
                continue;
            }
            int first = i;
            while (i + 1 < lines.Length && IsProse(lines[i + 1]))
            {
                i++;
            }
            foreach (string full in Columns.Wrap(string.Join(' ', lines[first..(i + 1)]), width ?? UsualWidth))
            {
                yield return full;
            }
        }
    }

    private static bool IsProse(string line) => line.Length > 0 && line[0] != ' ';

    // A command, and after two blanks what it does.
    private static IEnumerable<string> Example(string line, int? width, string continuation)
    {
        if (width is not { } columns || Columns.Width(line) <= columns)
        {
            return [line];
        }
        Match parts = Parts().Match(line);
        string indent = parts.Groups["indent"].Value,
            comment = parts.Groups["comment"].Value;
        IEnumerable<string> command = Command(indent, parts.Groups["command"].Value, columns, continuation);
        return comment.Length == 0
            ? command
            : command.Concat(Columns.Wrap(comment, columns - CommentIndent).Select(part => new string(' ', CommentIndent) + part));
    }

    // What is broken can still be copied into the shell.
    private static IEnumerable<string> Command(string indent, string command, int columns, string continuation)
    {
        string line = indent,
            between = string.Empty;
        foreach (Match word in Word().Matches(command))
        {
            if (continuation.Length > 0 && between.Length > 0 && line.Length + 1 + word.Length + 1 + continuation.Length > columns)
            {
                yield return $"{line} {continuation}";
                (line, between) = (indent + "    ", string.Empty);
            }
            line += between + word.Value;
            between = " ";
        }
        yield return line;
    }

    [GeneratedRegex(@"\A(?<indent> *)(?<command>.*?)(?: {2,}(?<comment>.*))?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Parts();

    [GeneratedRegex(@"(?:""[^""]*""|\S)+", RegexOptions.CultureInvariant)]
    private static partial Regex Word();
}
