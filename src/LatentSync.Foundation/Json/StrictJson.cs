using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Json;

/// <summary>Reads JSON that others wrote: UTF-8 with or without a byte order mark, bounded in depth, no name twice in one object, and every
/// text valid Unicode, so that nothing read from the document can fail later for its form.</summary>
public static class StrictJson
{
    /// <summary>Parses a document.</summary>
    /// <param name="utf8">The file's bytes. Must not change while the document is in use.</param>
    /// <param name="maxDepth">Deeper documents are refused.</param>
    /// <param name="isLenient">Comments and trailing commas are read over.</param>
    /// <exception cref="JsonException">It is no such document; with the line and the byte in it, both from 0.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8, int maxDepth = 32, bool isLenient = false)
    {
        ReadOnlyMemory<byte> text = utf8.Span.StartsWith(Encoding.UTF8.Preamble) ? utf8[Encoding.UTF8.Preamble.Length..] : utf8;
        if (text.Span is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            throw new JsonException(Sentence.Say("The text is UTF-16; JSON files are UTF-8."), null, 0, 0);
        }
        JsonCommentHandling comments = isLenient ? JsonCommentHandling.Skip : JsonCommentHandling.Disallow;
        JsonReaderOptions reading = new()
        {
            MaxDepth = maxDepth,
            CommentHandling = comments,
            AllowTrailingCommas = isLenient,
        };
        CheckTexts(text.Span, reading);
        try
        {
            return JsonDocument.Parse(
                text,
                new JsonDocumentOptions
                {
                    MaxDepth = maxDepth,
                    CommentHandling = comments,
                    AllowTrailingCommas = isLenient,
                    AllowDuplicateProperties = false,
                }
            );
        }
        catch (JsonException exception) when (exception.LineNumber is null)
        {
            throw FindDuplicate(text.Span, reading) ?? exception;
        }
    }

    /// <summary>What is wrong with a document, without the place and the full stop.</summary>
    public static string Problem(JsonException exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        int place = exception.Message.IndexOf(" LineNumber: ", StringComparison.Ordinal);
        return (place < 0 ? exception.Message : exception.Message[..place]).TrimEnd('.');
    }

    /// <summary>Where a document is wrong, for people: "line 3, byte 14".</summary>
    public static Sentence Place(JsonException exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        return $"line {(exception.LineNumber ?? 0) + 1}, byte {(exception.BytePositionInLine ?? 0) + 1}";
    }

    // The reader takes an escaped half of a surrogate pair, or bytes that are no UTF-8, for text; asking for the text would fail later.
    private static void CheckTexts(ReadOnlySpan<byte> text, JsonReaderOptions options)
    {
        bool isUtf8 = Utf8.IsValid(text);
        Utf8JsonReader reader = new(text, options);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String && (reader.ValueIsEscaped || !isUtf8))
            {
                _ = Text(ref reader, text);
            }
        }
    }

    private static JsonException? FindDuplicate(ReadOnlySpan<byte> text, JsonReaderOptions options)
    {
        Utf8JsonReader reader = new(text, options);
        Stack<HashSet<string>> objects = new();
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    objects.Push(new HashSet<string>(StringComparer.Ordinal));
                    break;
                case JsonTokenType.EndObject:
                    objects.Pop();
                    break;
                case JsonTokenType.PropertyName:
                    string name = Text(ref reader, text);
                    if (!objects.Peek().Add(name))
                    {
                        return Wrong(
                            Sentence.Say($"The name \"{(name.Length <= 60 ? name : name[..57] + "...")}\" occurs twice in one object."),
                            text,
                            reader.TokenStartIndex
                        );
                    }
                    break;
            }
        }
        return null;
    }

    private static string Text(ref Utf8JsonReader reader, ReadOnlySpan<byte> text)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException exception)
        {
            throw Wrong(
                Sentence.Say("A text is not valid Unicode: it is not UTF-8 or has half of a surrogate pair."),
                text,
                reader.TokenStartIndex,
                exception
            );
        }
    }

    private static JsonException Wrong(string problem, ReadOnlySpan<byte> text, long index, Exception? inner = null)
    {
        ReadOnlySpan<byte> before = text[..(int)index];
        return new JsonException(problem, null, before.Count((byte)'\n'), before.Length - (before.LastIndexOf((byte)'\n') + 1), inner);
    }
}
