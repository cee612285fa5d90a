using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Display;

/// <summary>How every command writes JSON: camelCase keys, indented, enumerations as words.</summary>
internal static class JsonOutput
{
    public static JsonSerializerOptions Options { get; } =
        new(JsonSerializerDefaults.Web)
        {
            WriteIndented = true,
            NumberHandling = JsonNumberHandling.Strict,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase), new NamedText() },
        };

    // What a library says of options and commands, by the names that are typed.
    private sealed class NamedText : JsonConverter<string>
    {
        public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString();

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Audience.Current.Vocabulary.Name(value));
    }
}
