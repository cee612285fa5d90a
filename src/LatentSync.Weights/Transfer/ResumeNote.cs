using System.Text.Json;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Json;

namespace LatentSync.Weights.Transfer;

/// <summary>Beside a part of a file: of which content it is a part.</summary>
/// <param name="Identity">What changes with the content; null: the server named nothing.</param>
/// <param name="ETag">Strong tag of the host that gave the bytes; null: none.</param>
internal sealed record ResumeNote(string? Identity, string? ETag)
{
    private const int MaximumBytes = 4096;

    /// <summary>The note; null: there is none that could be used.</summary>
    internal static ResumeNote? Read(string path)
    {
        try
        {
            using JsonDocument document = StrictJson.Parse(InputFile.ReadAllBytes(path, MaximumBytes), maxDepth: 2);
            return document.RootElement.ValueKind == JsonValueKind.Object ? new ResumeNote(Text("identity"), Text("etag")) : null;

            string? Text(string name) =>
                document.RootElement.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
                    ? value.GetString()
                    : null;
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null;
        }
    }

    internal void Write(string path) =>
        PartialFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(new { identity = Identity, etag = ETag }));
}
