using System.Text.Json;
using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Options;

/// <summary>Options as a JSON object: names in camel case, numbers, texts, true and false, null where the option allows it.</summary>
public static class OptionJson
{
    /// <summary>Reads a record. Options that the object does not name have their defaults.</summary>
    /// <typeparam name="T">The record.</typeparam>
    /// <param name="table">Its options.</param>
    /// <param name="json">The object, from a bounded document.</param>
    /// <param name="objection">Why it cannot be used; null: it can. Values are checked one by one, not what they say together.</param>
    /// <param name="name">The option that is concerned; null: none.</param>
    /// <returns>The record; null with an objection.</returns>
    public static T? Read<T>(OptionTable<T> table, JsonElement json, out Sentence? objection, out string? name)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(table);
        (objection, name) = (null, null);
        if (json.ValueKind != JsonValueKind.Object)
        {
            objection = "Options are a JSON object.";
            return null;
        }
        List<KeyValuePair<string, object?>> values = [];
        foreach (JsonProperty property in json.EnumerateObject())
        {
            OptionDeclaration? option = table.All.FirstOrDefault(candidate => NameOf(candidate) == property.Name);
            if (option is null)
            {
                objection = Unknown(property.Name, table.All);
                return null;
            }
            if (!TryRead(option, property.Value, out object? value))
            {
                (objection, name) = (WrongType(option), option.Name);
                return null;
            }
            values.Add(KeyValuePair.Create(option.Name, value));
        }
        string[] given = [.. values.Select(value => value.Key)];
        if (table.All.FirstOrDefault(option => option.IsRequired && !given.Contains(option.Name)) is { } missing)
        {
            (objection, name) = (missing.Objection(null), missing.Name);
            return null;
        }
        T options = table.Build(values);
        if (table.FindObjection(options) is { } found)
        {
            (objection, name) = found;
            return null;
        }
        return options;
    }

    /// <summary>Writes a record as an object with all its options, in their order.</summary>
    /// <typeparam name="T">The record.</typeparam>
    /// <param name="table">Its options.</param>
    /// <param name="options">The record.</param>
    /// <param name="writer">Where to.</param>
    public static void Write<T>(OptionTable<T> table, T options, Utf8JsonWriter writer)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStartObject();
        foreach (OptionDeclaration option in table.All)
        {
            writer.WritePropertyName(NameOf(option));
            switch (option.Of(options))
            {
                case null:
                    writer.WriteNullValue();
                    break;
                case bool flag:
                    writer.WriteBooleanValue(flag);
                    break;
                case int number:
                    writer.WriteNumberValue(number);
                    break;
                case long number:
                    writer.WriteNumberValue(number);
                    break;
                case double number:
                    writer.WriteNumberValue(number);
                    break;
                case var text:
                    writer.WriteStringValue((string)text);
                    break;
            }
        }
        writer.WriteEndObject();
    }

    private static string NameOf(OptionDeclaration option) => JsonNamingPolicy.CamelCase.ConvertName(option.Name);

    private static bool TryRead(OptionDeclaration option, JsonElement json, out object? value)
    {
        value = null;
        if (json.ValueKind == JsonValueKind.Null)
        {
            return option.IsNullable;
        }
        Type type = option.ValueType;
        if (json.ValueKind == JsonValueKind.Number)
        {
            value =
                type == typeof(int) && json.TryGetInt32(out int small) ? small
                : type == typeof(long) && json.TryGetInt64(out long large) ? large
                : type == typeof(double) && json.TryGetDouble(out double real) ? real
                : null;
        }
        else if (type == typeof(string) && json.ValueKind == JsonValueKind.String)
        {
            value = json.GetString();
        }
        else if (type == typeof(bool) && json.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            value = json.GetBoolean();
        }
        return value is not null;
    }

    private static Sentence WrongType(OptionDeclaration option)
    {
        if (option.ValueType == typeof(string))
        {
            return $"⟦{option.Name}⟧ must be text.";
        }
        if (option.ValueType == typeof(bool))
        {
            return $"⟦{option.Name}⟧ must be true or false.";
        }
        return option.ValueType == typeof(double)
            ? (Sentence)$"⟦{option.Name}⟧ must be a number."
            : $"⟦{option.Name}⟧ must be a whole number.";
    }

    private static Sentence Unknown(string name, IReadOnlyList<OptionDeclaration> all)
    {
        string shown = PrintableText.Quote(name);
        return NearestName.Of(name, all.Select(NameOf)) is { } near
            ? (Sentence)$"There is no option {shown}; did you mean {near}?"
            : $"There is no option {shown}.";
    }
}
