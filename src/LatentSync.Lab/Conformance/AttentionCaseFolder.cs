using System.Text.Json;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Json;
using LatentSync.Lab.Parity;

namespace LatentSync.Lab.Conformance;

/// <summary>A cases.json.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="Entries">Its entries, not yet understood, with their names.</param>
internal sealed record AttentionCaseFolder(string Folder, IReadOnlyList<(string Name, JsonElement Entry)> Entries)
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "cases.json";

    private const int MaximumBytes = 64 << 20;

    /// <summary>Reads a list of cases.</summary>
    /// <param name="path">The folder that holds cases.json, or the file itself.</param>
    /// <exception cref="ParityException">There is none, or it is no list of cases.</exception>
    public static AttentionCaseFolder Read(string path)
    {
        string file = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        if (!Path.Exists(file))
        {
            throw new ParityException(
                Directory.Exists(path)
                    ? $"{path} holds no {FileName}; give the folder of a list of cases."
                    : $"{path} does not exist; give the folder of a {FileName}."
            );
        }
        try
        {
            using JsonDocument document = StrictJson.Parse(InputFile.ReadAllBytes(file, MaximumBytes));
            if (
                document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("cases", out JsonElement cases)
                || cases.ValueKind != JsonValueKind.Array
            )
            {
                throw new ParityException($"{file} has no list \"cases\".");
            }
            if (
                document.RootElement.TryGetProperty("operator", out JsonElement name)
                && !(name.ValueKind == JsonValueKind.String && name.ValueEquals("Attention"))
            )
            {
                throw new ParityException($"{file} holds cases of another operator than Attention.");
            }
            JsonElement[] entries = [.. cases.Clone().EnumerateArray()];
            return new AttentionCaseFolder(
                Path.GetDirectoryName(Path.GetFullPath(file))!,
                [.. entries.Select((entry, index) => (AttentionCaseReader.NameOf(entry, index), entry))]
            );
        }
        catch (JsonException exception)
        {
            throw new ParityException(
                $"{file} is not valid JSON: {StrictJson.Place(exception)}: {StrictJson.Problem(exception)}.",
                exception
            );
        }
        catch (InputFileException exception)
        {
            throw new ParityException($"{file} {exception.Problem}.", exception);
        }
    }
}
