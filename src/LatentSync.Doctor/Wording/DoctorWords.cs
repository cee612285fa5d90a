using System.Collections.Frozen;
using System.Globalization;
using LatentSync.Foundation.Wording;

namespace LatentSync.Doctor.Wording;

/// <summary>The doctor's sentences in the language of the current audience. Names of programs, files, options and backends stay as they
/// are.</summary>
internal static class DoctorWords
{
    /// <summary>A sentence with its facts.</summary>
    /// <param name="key">Key in both catalogues.</param>
    /// <param name="facts">For the places {0}, {1}, ...; numbers are written with a point.</param>
    public static string Say(string key, params object?[] facts) => Filled(Of(Audience.Current.Language)[key], facts);

    /// <summary>The sentence of a key that may not be there, such as a layer nobody named yet; then the given one.</summary>
    public static string SayOr(string key, string otherwise, params object?[] facts) =>
        Of(Audience.Current.Language).TryGetValue(key, out string? sentence) ? Filled(sentence, facts) : otherwise;

    /// <summary>The alternatives of a sentence, parted by "|" in the catalogue.</summary>
    /// <param name="key">Key in both catalogues.</param>
    /// <param name="facts">As for <see cref="Say"/>.</param>
    public static IReadOnlyList<string> SayEach(string key, params object?[] facts) =>
        [.. Of(Audience.Current.Language)[key].Split('|').Select(sentence => Filled(sentence, facts))];

    // Options and commands by the names that the reader knows.
    private static string Filled(string sentence, object?[] facts) =>
        string.Format(CultureInfo.InvariantCulture, Audience.Current.Vocabulary.Name(sentence), facts);

    /// <summary>The catalogue of a language.</summary>
    internal static FrozenDictionary<string, string> Of(Language language) =>
        language == Language.Chinese ? ChineseWords.All : EnglishWords.All;
}
