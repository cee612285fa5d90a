using System.Text.Json;
using LatentSync.Foundation.Wording;

namespace LatentSync.Models.Loading;

/// <summary>Reads typed, bounded entries of a model's JSON configuration; null counts as absent, as it does in the original.</summary>
internal sealed class ConfigurationReader
{
    private readonly JsonElement _json;
    private readonly Sentence _model;

    public ConfigurationReader(JsonElement json, Sentence model)
    {
        (_json, _model) = (json, model);
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new ModelConfigurationException($"The configuration of {model} is a JSON {json.ValueKind}; it must be an object.");
        }
    }

    public int Integer(string key, int fallback, int minimum, int maximum) =>
        Find(key) is { } value ? ToInteger(key, value, minimum, maximum) : fallback;

    public int RequiredInteger(string key, int minimum, int maximum) =>
        Find(key) is { } value ? ToInteger(key, value, minimum, maximum) : throw Lacks(key, $"an integer from {minimum} to {maximum}");

    public int[] Integers(string key, int[] fallback, int minimum, int maximum, int maximumCount) =>
        Find(key) is { } value ? [.. ToArray(key, value, maximumCount).Select(item => ToInteger(key, item, minimum, maximum))] : fallback;

    public string[] Texts(string key, string[] fallback, int maximumCount) =>
        Find(key) is { } value ? [.. ToArray(key, value, maximumCount).Select(item => ToText(key, item))] : fallback;

    public string Text(string key, string fallback) => Find(key) is { } value ? ToText(key, value) : fallback;

    public bool Flag(string key, bool fallback) =>
        Find(key) is { } value
            ? value.ValueKind switch
            {
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                _ => throw Invalid(key, value.GetRawText(), "true or false"),
            }
            : fallback;

    public double Number(string key, double fallback) =>
        Find(key) is { } value
            ? value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && double.IsFinite(number)
                ? number
                : throw Invalid(key, value.GetRawText(), "a finite number")
            : fallback;

    /// <summary>The exception for an entry that is there but not usable.</summary>
    public ModelConfigurationException Invalid(string key, string found, Sentence required) =>
        new($"The configuration of {_model} cannot be used: {key} is {Shorten(found)}, but must be {required}.");

    /// <summary>The exception for an entry that is not there.</summary>
    public ModelConfigurationException Lacks(string key, Sentence required) =>
        new($"The configuration of {_model} cannot be used: it lacks {key}, which must be {required}.");

    private JsonElement? Find(string key) =>
        _json.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private int ToInteger(string key, JsonElement value, int minimum, int maximum) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= minimum && number <= maximum
            ? number
            : throw Invalid(key, value.GetRawText(), $"an integer from {minimum} to {maximum}");

    private string ToText(string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Invalid(key, value.GetRawText(), "a text");

    private JsonElement[] ToArray(string key, JsonElement value, int maximumCount)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is var count && (count < 1 || count > maximumCount))
        {
            throw Invalid(key, value.GetRawText(), $"a list of 1 to {maximumCount} entries");
        }
        return [.. value.EnumerateArray()];
    }

    private static string Shorten(string text) => text.Length <= 80 ? text : text[..77] + "...";
}
