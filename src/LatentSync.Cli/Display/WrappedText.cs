using System.Text.RegularExpressions;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Display;

/// <summary>Text for people, broken between words at the terminal's width. Lines keep their own indentation.</summary>
internal static partial class WrappedText
{
    private const char Joint = '\u00A0';

    /// <summary>The text's lines as they fit.</summary>
    /// <param name="text">One or more lines.</param>
    /// <param name="width">Columns; null: nothing is broken.</param>
    /// <param name="hang">Columns by which what continues a line is indented further than the line.</param>
    public static IEnumerable<string> Lines(string text, int? width, int hang = 0)
    {
        foreach (string line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            if (width is not { } columns || Columns.Width(line) <= columns)
            {
                yield return line;
                continue;
            }
            string content = line.TrimStart(' ');
            // Half of the line stays for the text, however deep it stands.
            int indent = Math.Min(line.Length - content.Length, columns / 2),
                more = Math.Min(hang, (columns - indent) / 2);
            foreach (string part in Columns.Wrap(BeforeUnit().Replace(content, $"{Joint}"), columns - indent, more))
            {
                yield return new string(' ', indent) + part.Replace(Joint, ' ');
            }
        }
    }

    /// <summary>Writes the text to standard output.</summary>
    public static void Write(string text, int hang = 0) => Write(Console.Out, text, TerminalWidth.OfOutput, hang);

    /// <summary>Writes the text to standard error.</summary>
    public static void WriteError(string text, int hang = 0) => Write(Console.Error, text, TerminalWidth.OfErrors, hang);

    private static void Write(TextWriter writer, string text, int? width, int hang)
    {
        foreach (string line in Lines(Audience.Current.Vocabulary.Name(text), width, hang))
        {
            writer.WriteLine(line);
        }
    }

    // A number and its unit stay together.
    [GeneratedRegex(@"(?<=\d) (?=(?:ms|s|min|h|d|fps|dB|%|[KMG]i?B)(?:\W|\z))", RegexOptions.CultureInvariant)]
    private static partial Regex BeforeUnit();
}
