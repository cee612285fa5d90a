using System.Collections.Frozen;
using System.Globalization;
using LatentSync.Attention.Wording;

namespace LatentSync.Doctor.Wording;

/// <summary>The doctor's sentences in the language of this process. Names of programs, files, options and backends stay as they
/// are.</summary>
internal static class DoctorWords
{
    /// <summary>A sentence with its facts.</summary>
    /// <param name="key">Key in both catalogues.</param>
    /// <param name="facts">For the places {0}, {1}, ...; numbers are written with a point.</param>
    public static string Say(string key, params object?[] facts) =>
        string.Format(CultureInfo.InvariantCulture, Of(Languages.Current)[key], facts);

    /// <summary>The sentence of a key that may not be there, such as a layer nobody named yet; then the given one.</summary>
    public static string SayOr(string key, string otherwise, params object?[] facts) =>
        Of(Languages.Current).TryGetValue(key, out string? sentence)
            ? string.Format(CultureInfo.InvariantCulture, sentence, facts)
            : otherwise;

    /// <summary>The catalogue of a language.</summary>
    internal static FrozenDictionary<string, string> Of(Language language) =>
        language == Language.Chinese ? ChineseWords.All : EnglishWords.All;
}
