using System.Globalization;

namespace LatentSync.Foundation.Wording;

/// <summary>Reads the names of languages.</summary>
public static class Languages
{
    /// <summary>The language for a culture: Chinese for zh and everything below it, else English.</summary>
    /// <param name="culture">The culture; the invariant one is English.</param>
    public static Language OfCulture(CultureInfo culture)
    {
        ArgumentNullException.ThrowIfNull(culture);
        return TryParse(culture.Name, out Language language) ? language : Language.English;
    }

    /// <summary>Reads a language tag or a locale's name: "en", "en-US", "zh", "zh-CN", "zh_CN.UTF-8", "C", "POSIX".</summary>
    /// <param name="text">The tag; case does not matter.</param>
    /// <param name="language">The language.</param>
    /// <returns>False when it is none that this library writes, such as "de_DE.UTF-8".</returns>
    public static bool TryParse(string? text, out Language language)
    {
        language = Language.English;
        ReadOnlySpan<char> name = text.AsSpan().Trim();
        int end = name.IndexOfAny("-_.@");
        name = end < 0 ? name : name[..end];
        if (Is(name, "zh") || Is(name, "chinese") || Is(name, "中文"))
        {
            language = Language.Chinese;
            return true;
        }
        return Is(name, "en") || Is(name, "english") || Is(name, "c") || Is(name, "posix");
    }

    /// <summary>Reads what a user wrote, as <see cref="TryParse"/> does.</summary>
    /// <param name="text">"en", "zh", "zh-CN", ...</param>
    /// <exception cref="FormatException">The language is none of these.</exception>
    public static Language Parse(string text) =>
        TryParse(text, out Language language)
            ? language
            : throw new FormatException(Sentence.Say($"\"{text}\" is not a language this program speaks; use en (English) or zh (中文)."));

    /// <summary>The tag: "en" or "zh".</summary>
    /// <param name="language">The language.</param>
    public static string Tag(this Language language) => language == Language.Chinese ? "zh" : "en";

    private static bool Is(ReadOnlySpan<char> name, string other) => name.Equals(other, StringComparison.OrdinalIgnoreCase);
}
