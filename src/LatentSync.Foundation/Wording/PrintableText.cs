using System.Globalization;
using System.Text;

namespace LatentSync.Foundation.Wording;

/// <summary>Text from outside as it stands in messages and reports: it cannot move the cursor, colour the terminal or begin a new
/// line.</summary>
public static class PrintableText
{
    /// <summary>Escapes control characters, line and paragraph separators, marks that turn the direction of writing, and lone
    /// surrogates.</summary>
    /// <param name="text">Any text, for instance a path.</param>
    /// <param name="keepLines">True: line ends stay, for texts of several lines.</param>
    public static string Escape(string text, bool keepLines = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        StringBuilder? escaped = null;
        int index = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            // A lone surrogate comes as U+FFFD of another length or content than what stands there.
            bool isLone = rune == Rune.ReplacementChar && text[index] != '\uFFFD';
            bool isPlain = !isLone && (!IsUnprintable(rune) || (keepLines && rune.Value == '\n'));
            if (!isPlain)
            {
                escaped ??= new StringBuilder(text, 0, index, text.Length + 16);
            }
            if (escaped is not null)
            {
                _ = isPlain ? escaped.Append(rune.ToString()) : escaped.Append(Escaped(rune, isLone ? text[index] : '\0'));
            }
            index += isLone ? 1 : rune.Utf16SequenceLength;
        }
        return escaped?.ToString() ?? text;
    }

    /// <summary>A path as it appears in messages: quoted, nothing unprintable in it.</summary>
    public static string Quote(string path) => $"'{Escape(path)}'";

    private static bool IsUnprintable(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        || rune.Value is (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069) or 0x200E or 0x200F or 0x061C;

    private static string Escaped(Rune rune, char lone) =>
        (lone, rune.Value) switch
        {
            (not '\0', _) => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)lone:x4}"),
            (_, '\n') => "\\n",
            (_, '\r') => "\\r",
            (_, '\t') => "\\t",
            (_, int value) => string.Create(CultureInfo.InvariantCulture, $"\\u{value:x4}"),
        };
}
