using System.Text.Json;
using System.Text.Json.Serialization;
using LatentSync.Attention.Rules;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Json;

namespace LatentSync.Attention.Torch.Tuning;

/// <summary>A tuning table as a JSON file. What is read is believed only when every part of it makes sense.</summary>
internal static class TuningFile
{
    private const int Version = 1;

    /// <summary>A full table has about half of this.</summary>
    private const int MostBytes = 2 << 20;

    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private sealed record Content(int Version, MachineIdentity Machine, IReadOnlyList<TuningEntry> Entries);

    /// <summary>Reads a table.</summary>
    /// <exception cref="FormatException">The file is not a tuning table of this program; says why.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be read.</exception>
    internal static TuningTable Read(string path)
    {
        Content? content;
        try
        {
            using JsonDocument document = StrictJson.Parse(InputFile.ReadAllBytes(path, MostBytes));
            content = document.Deserialize<Content>(Format);
        }
        catch (JsonException exception)
        {
            throw new FormatException($"it is damaged: {exception.Message}", exception);
        }
        if (content is not { Version: Version })
        {
            throw new FormatException($"it has version {content?.Version}, this program writes version {Version}");
        }
        if (
            content.Entries.Count > TuningTable.MostEntries
            || content.Entries.DistinctBy(entry => entry.Class).Count() != content.Entries.Count
        )
        {
            throw new FormatException(
                $"it has {content.Entries.Count} entries; at most {TuningTable.MostEntries} of different classes are expected"
            );
        }
        if (
            content.Entries.SelectMany(entry => entry.Order).FirstOrDefault(name => !AttentionRules.BackendNames.Contains(name)) is
            { } unknown
        )
        {
            throw new FormatException($"it names a backend \"{unknown}\" that this program does not have");
        }
        return new TuningTable(content.Machine, content.Entries);
    }

    /// <summary>Writes a table: whoever reads meanwhile sees the old one or the new one, whole.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be written.</exception>
    internal static void Write(string path, TuningTable table) =>
        PartialFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(new Content(Version, table.Machine, table.Entries), Format));
}
