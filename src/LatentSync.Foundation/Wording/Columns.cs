using System.Text;

namespace LatentSync.Foundation.Wording;

/// <summary>Text in columns of a terminal, where a Chinese character takes two.</summary>
public static class Columns
{
    private const string Cut = "…";

    /// <summary>Columns that a text takes.</summary>
    public static int Width(string text) => text.EnumerateRunes().Sum(WidthOf);

    /// <summary>The text with spaces after it up to a width; a longer one is left as it is.</summary>
    public static string Pad(string text, int width) => text + new string(' ', Math.Max(0, width - Width(text)));

    /// <summary>The text, cut to a width.</summary>
    public static string Shorten(string text, int width)
    {
        if (Width(text) <= width)
        {
            return text;
        }
        var kept = new StringBuilder();
        int used = WidthOf(Cut.EnumerateRunes().First());
        foreach (Rune rune in text.EnumerateRunes())
        {
            used += WidthOf(rune);
            if (used > width)
            {
                break;
            }
            kept.Append(rune);
        }
        return kept.ToString().TrimEnd() + Cut;
    }

    /// <summary>The text in lines of at most a width, broken at spaces and after Chinese characters; a longer word, such as a path, is
    /// broken where the line ends.</summary>
    /// <param name="text">One paragraph.</param>
    /// <param name="width">Columns of the widest line.</param>
    /// <param name="hang">Columns by which every line but the first is indented; they count.</param>
    public static IReadOnlyList<string> Wrap(string text, int width, int hang = 0)
    {
        List<string> lines = [];
        string line = "",
            indent = new(' ', hang);
        void End(string whole) => lines.Add(lines.Count == 0 ? whole : indent + whole);
        int Room() => lines.Count == 0 ? width : Math.Max(1, width - hang);
        foreach (string piece in Pieces(text))
        {
            string joined = line + piece;
            if (Width(joined.TrimEnd()) <= Room())
            {
                line = joined;
                continue;
            }
            if (line.Length > 0)
            {
                End(line.TrimEnd());
            }
            line = piece.TrimStart();
            while (Width(line.TrimEnd()) > Room())
            {
                int fits = Fitting(line, Room());
                End(line[..fits]);
                line = line[fits..];
            }
        }
        if (line.TrimEnd().Length > 0 || lines.Count == 0)
        {
            End(line.TrimEnd());
        }
        return lines;
    }

    private static int Fitting(string text, int width)
    {
        int used = 0,
            length = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            used += WidthOf(rune);
            if (used > width && length > 0)
            {
                break;
            }
            length += rune.Utf16SequenceLength;
        }
        return length;
    }

    /// <summary>What must stay together: words with the space after them, single wide characters with the punctuation after them.</summary>
    private static IEnumerable<string> Pieces(string text)
    {
        var piece = new StringBuilder();
        Rune[] runes = [.. text.EnumerateRunes()];
        for (int i = 0; i < runes.Length; i++)
        {
            piece.Append(runes[i]);
            bool mayBreak =
                runes[i].Value == ' '
                || i + 1 < runes.Length
                    && (WidthOf(runes[i]) == 2 || WidthOf(runes[i + 1]) == 2)
                    && !ClosesWhatPrecedes(runes[i + 1])
                    && !OpensWhatFollows(runes[i])
                    && runes[i + 1].Value != ' ';
            if (mayBreak)
            {
                yield return piece.ToString();
                piece.Clear();
            }
        }
        if (piece.Length > 0)
        {
            yield return piece.ToString();
        }
    }

    private static bool ClosesWhatPrecedes(Rune rune) => "，。；：、？！）】》”,.;:)]".Contains(rune.ToString(), StringComparison.Ordinal);

    private static bool OpensWhatFollows(Rune rune) => "（【《“([".Contains(rune.ToString(), StringComparison.Ordinal);

    /// <summary>Unicode's East Asian wide and full-width blocks, as far as Chinese texts use them.</summary>
    private static int WidthOf(Rune rune) =>
        rune.Value
            is >= 0x1100
                and <= 0x115F
                or >= 0x2E80
                and <= 0xA4CF
                or >= 0xAC00
                and <= 0xD7A3
                or >= 0xF900
                and <= 0xFAFF
                or >= 0xFE30
                and <= 0xFE4F
                or >= 0xFF00
                and <= 0xFF60
                or >= 0xFFE0
                and <= 0xFFE6
                or >= 0x20000
                and <= 0x3FFFD
            ? 2
            : 1;
}
