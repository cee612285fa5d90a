using System.Collections.Frozen;
using System.Text.Json;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Wording;

/// <summary>The words of one code in one language. What is null is looked up as a phrase, else stays English.</summary>
/// <param name="Rule">The rule or the event in one sentence.</param>
/// <param name="Required">What is required.</param>
/// <param name="Remedy">What to do.</param>
/// <param name="Repair">How the backend cures it.</param>
internal sealed record CodeWords(string? Rule, string? Required, string? Remedy, string? Repair);

/// <summary>Translations: by code for rules and failures, by the English words for everything else. English needs none; Chinese lies in
/// <c>Wording/zh.json</c>, read at the first Chinese sentence.</summary>
internal static class WordCatalog
{
    private const string ChineseResource = "LatentSync.Attention.Wording.zh.json";

    private static readonly Lazy<Words> Chinese = new(Read);

    /// <summary>Codes that have Chinese words.</summary>
    internal static IReadOnlyDictionary<string, CodeWords> ChineseCodes => Chinese.Value.Codes;

    /// <summary>English words that have Chinese ones.</summary>
    internal static IReadOnlyDictionary<string, string> ChinesePhrases => Chinese.Value.Phrases;

    /// <summary>A sentence or a part of one; the English words when there is no translation.</summary>
    /// <param name="english">The English words, with gaps.</param>
    /// <param name="language">Into which language.</param>
    internal static string Phrase(string english, Language language) =>
        Named(language == Language.Chinese && Chinese.Value.Phrases.TryGetValue(english, out string? words) ? words : english);

    /// <summary>The rule or event of a code.</summary>
    internal static string Rule(string code, string english, Language language) =>
        Of(code, language)?.Rule is { } words ? Named(words) : Phrase(english, language);

    /// <summary>What a code requires.</summary>
    internal static string Required(string code, string english, Language language) =>
        Of(code, language)?.Required is { } words ? Named(words) : Phrase(english, language);

    /// <summary>The remedy of a code.</summary>
    internal static string Remedy(string code, string english, Language language) =>
        Of(code, language)?.Remedy is { } words ? Named(words) : Phrase(english, language);

    /// <summary>How a backend cures what a code says.</summary>
    internal static string Repair(string code, string english, Language language) =>
        Of(code, language)?.Repair is { } words ? Named(words) : Phrase(english, language);

    // Options and commands by the names that the reader knows.
    private static string Named(string words) => Audience.Current.Vocabulary.Name(words);

    private static CodeWords? Of(string code, Language language) =>
        language == Language.Chinese ? Chinese.Value.Codes.GetValueOrDefault(code) : null;

    private static Words Read()
    {
        using Stream stream =
            typeof(WordCatalog).Assembly.GetManifestResourceStream(ChineseResource)
            ?? throw new InvalidOperationException($"The assembly was built without {ChineseResource}.");
        using JsonDocument document = JsonDocument.Parse(stream);
        return new Words(
            document
                .RootElement.GetProperty("codes")
                .EnumerateObject()
                .ToFrozenDictionary(
                    entry => entry.Name,
                    entry => new CodeWords(
                        Text(entry.Value, "rule"),
                        Text(entry.Value, "required"),
                        Text(entry.Value, "remedy"),
                        Text(entry.Value, "repair")
                    )
                ),
            document
                .RootElement.GetProperty("phrases")
                .EnumerateObject()
                .ToFrozenDictionary(entry => entry.Name, entry => entry.Value.GetString()!)
        );
    }

    private static string? Text(JsonElement words, string name) =>
        words.TryGetProperty(name, out JsonElement text) ? text.GetString() : null;

    private sealed record Words(FrozenDictionary<string, CodeWords> Codes, FrozenDictionary<string, string> Phrases);
}
