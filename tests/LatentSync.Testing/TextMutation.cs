namespace LatentSync.Testing;

/// <summary>Texts with a few characters inserted, removed, replaced or moved: what a slip of the hand or a damaged file makes of
/// them.</summary>
public static class TextMutation
{
    private static readonly string[] Pieces =
    [
        "\n",
        "\t",
        " ",
        "\n  ",
        ":",
        ": ",
        "- ",
        "\n- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "\"",
        "'",
        "#",
        "&a ",
        "*a",
        "!",
        "|",
        ">",
        "%",
        "@",
        "`",
        "?",
        "~",
        "\\",
        "_",
        "<<: ",
        "---\n",
        "...\n",
        "null",
        "true",
        "yes",
        "-1",
        "0x1f",
        "1e999",
        "123456789012345678901234567890",
        "NaN",
        "\"\\ud800\"",
        "\"1\"",
        "[[[[",
        "{\"a\":",
        "\uFEFF",
        "\0",
        ((char)0xD800).ToString(),
    ];

    /// <summary>Changed texts, the same ones for the same seed.</summary>
    /// <param name="text">A text that is right.</param>
    /// <param name="seed">Chooses the changes.</param>
    /// <param name="count">How many.</param>
    public static IEnumerable<string> Of(string text, int seed, int count)
    {
        Random random = new(seed);
        for (int i = 0; i < count; i++)
        {
            string changed = text;
            for (int changes = random.Next(1, 5); changes > 0; changes--)
            {
                changed = Change(changed, random);
            }
            yield return changed;
        }
    }

    private static string Change(string text, Random random)
    {
        int at = random.Next(text.Length + 1);
        int length = Math.Min(text.Length - at, random.Next(1, 12));
        string piece = Pieces[random.Next(Pieces.Length)];
        return random.Next(5) switch
        {
            0 => text.Remove(at, length),
            1 => text.Remove(at, Math.Min(1, length)).Insert(at, piece),
            2 => text[..at], // cut short
            3 => text.Insert(random.Next(text.Length + 1), text.Substring(at, length)),
            _ => text.Insert(at, piece),
        };
    }
}
