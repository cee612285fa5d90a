using System.Text.Json;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Json;
using LatentSync.Foundation.Wording;

namespace LatentSync.Checkpoints.Files;

/// <summary>The index of a checkpoint that was split over several files, as Hugging Face's libraries write it: which tensor lies in which
/// file.</summary>
/// <param name="Path">Full path of the index.</param>
/// <param name="Shards">Names of the files, in the index' folder, in the order of their names.</param>
/// <param name="Map">The file of each tensor.</param>
internal sealed record ShardIndex(string Path, IReadOnlyList<string> Shards, IReadOnlyDictionary<string, string> Map)
{
    /// <summary>End of an index' name.</summary>
    public const string Extension = ".index.json";

    private const int MaximumBytes = 64 << 20;
    private const int MaximumTensors = 1_000_000;
    private const int MaximumShards = 1000;
    private const int MaximumNameLength = 255;

    /// <summary>Reads an index.</summary>
    /// <exception cref="CheckpointFormatException">It is no index, or names a file that is not in its own folder.</exception>
    public static ShardIndex Read(string path)
    {
        CheckpointFormatException Refuse(Sentence problem, Exception? inner = null) => new(path, problem, innerException: inner);
        try
        {
            using JsonDocument document = StrictJson.Parse(InputFile.ReadAllBytes(path, MaximumBytes));
            if (
                document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("weight_map", out JsonElement list)
                || list.ValueKind != JsonValueKind.Object
                || list.GetPropertyCount() is 0 or > MaximumTensors
            )
            {
                throw Refuse($"the index of a split checkpoint must have a \"weight_map\" of 1 to {MaximumTensors} tensors");
            }
            Dictionary<string, string> map = new(list.GetPropertyCount(), StringComparer.Ordinal);
            SortedSet<string> shards = new(StringComparer.Ordinal);
            foreach (JsonProperty entry in list.EnumerateObject())
            {
                string tensor = entry.Name;
                string shard = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : string.Empty;
                if (!IsName(shard))
                {
                    throw Refuse(
                        $"the index must name a file of its own folder for every tensor; for {CheckpointFormatException.Quote(tensor)} it says {CheckpointFormatException.Quote(entry.Value.GetRawText())}"
                    );
                }
                shards.Add(shard);
                map.Add(tensor, shard);
            }
            return shards.Count <= MaximumShards
                ? new ShardIndex(path, [.. shards], map)
                : throw Refuse($"the index names {shards.Count} files; at most {MaximumShards} are accepted");
        }
        catch (JsonException exception)
        {
            throw Refuse($"the index is not valid JSON: {StrictJson.Place(exception)}: {StrictJson.Problem(exception)}", exception);
        }
        catch (InputFileException exception) when (exception.Fault == InputFileFault.TooLarge)
        {
            throw Refuse($"the index {exception.Problem}", exception);
        }
    }

    // On every system, so that an index means the same files everywhere; ':' begins a stream of Windows' file systems.
    private static bool IsName(string name) =>
        name.Length is > 0 and <= MaximumNameLength
        && name.AsSpan().IndexOfAny("/\\:\0") < 0
        && name is not ("." or "..")
        && !name.Any(char.IsControl);
}
