using System.Text;
using System.Text.Json;
using LatentSync.Foundation.Json;
using LatentSync.Testing;

namespace LatentSync.Foundation.Tests.Json;

/// <summary>A document that parses can be read without surprises; one that does not is refused with its place.</summary>
public sealed class StrictJsonTests
{
    [Theory]
    [InlineData("", "line 1, byte 1")]
    [InlineData("{", "line 1, byte")]
    [InlineData("{\n \"a\": 1,\n \"a\": 2}", "line 3, byte 2")]
    [InlineData("{\"x\": {\"\\u0061\": 1, \"a\": 2}}", "line 1, byte")]
    [InlineData("{\n\"a\": \"\\ud800\"}", "line 2, byte 6")]
    [InlineData("{\"\\udc00\": 1}", "line 1, byte 2")]
    [InlineData("[NaN]", "line 1, byte 2")]
    [InlineData("[1] x", "line 1, byte 5")]
    [InlineData("// no comments\n1", "line 1, byte 1")]
    public void Parse_Wrong_SaysWhere(string text, string place)
    {
        JsonException refused = Assert.ThrowsAny<JsonException>(() => Parse(Encoding.UTF8.GetBytes(text)));
        Assert.StartsWith(place, StrictJson.Place(refused).ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("LineNumber", StrictJson.Problem(refused), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_OtherEncodingsAndDepth_AreRefused()
    {
        Assert.ThrowsAny<JsonException>(() => Parse([.. Encoding.Unicode.Preamble, .. "{}"u8]));
        Assert.ThrowsAny<JsonException>(() => Parse([(byte)'"', 0xFF, (byte)'"']));
        Assert.ThrowsAny<JsonException>(() => Parse(Encoding.ASCII.GetBytes(new string('[', 100_000))));
    }

    [Fact]
    public void Parse_ByteOrderMarkAndPairs_AreRead()
    {
        using JsonDocument document = StrictJson.Parse(
            (byte[])[.. Encoding.UTF8.Preamble, .. "{\"a\": \"\\ud83d\\ude00\", \"b\": {\"a\": 1}}"u8]
        );
        Assert.Equal("😀", document.RootElement.GetProperty("a").GetString());
        using JsonDocument lenient = StrictJson.Parse("[1, /* two */ 2,]"u8.ToArray(), isLenient: true);
        Assert.Equal(2, lenient.RootElement.GetArrayLength());
    }

    [Fact]
    public void Parse_Mutated_GivesADocumentWhoseTextsCanBeRead()
    {
        const string Text = """{"name": "\u00e4\ud83d\ude00", "list": [1, -2.5e3, true, null, {"x": "y", "z": []}], "more": {"a": "b"}}""";
        int accepted = 0;
        foreach (string mutant in TextMutation.Of(Text, seed: 1, count: 3000))
        {
            try
            {
                using JsonDocument document = StrictJson.Parse(Encoding.UTF8.GetBytes(mutant));
                Walk(document.RootElement);
                accepted++;
            }
            catch (JsonException) { }
        }
        Assert.InRange(accepted, 1, 2999);
    }

    private static void Parse(byte[] text) => StrictJson.Parse(text).Dispose();

    private static void Walk(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    Walk(property.Value);
                }
                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                {
                    Walk(item);
                }
                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }
    }
}
