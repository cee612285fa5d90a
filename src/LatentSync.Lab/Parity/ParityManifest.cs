using System.Text.Json;
using LatentSync.Checkpoints;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Json;

namespace LatentSync.Lab.Parity;

/// <summary>The manifest.json of a golden fixture.</summary>
/// <param name="Folder">Folder that holds manifest.json.</param>
/// <param name="Root">The document.</param>
public sealed record ParityManifest(string Folder, JsonElement Root)
{
    /// <summary>Name of the file in every fixture's folder.</summary>
    public const string FileName = "manifest.json";

    private const int MaximumBytes = 64 << 20;

    /// <summary>The fixture's name: the "fixture" entry.</summary>
    public string Fixture => Text("fixture");

    /// <summary>The class or classes of the original that produced it: the "component" entry.</summary>
    public string Component => Text("component");

    /// <summary>Reads a fixture's manifest.</summary>
    /// <param name="folder">Folder that holds manifest.json.</param>
    /// <exception cref="ParityException">There is no manifest, it is no JSON object, or it does not name its fixture.</exception>
    public static ParityManifest Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            using JsonDocument document = StrictJson.Parse(InputFile.ReadAllBytes(path, MaximumBytes));
            ParityManifest manifest = new(Path.GetFullPath(folder), document.RootElement.Clone());
            if (manifest.Root.ValueKind != JsonValueKind.Object || manifest.Fixture.Length == 0)
            {
                throw new ParityException($"{path} does not name its fixture: a JSON object with a text \"fixture\" is required.");
            }
            return manifest;
        }
        catch (JsonException exception)
        {
            throw new ParityException(
                $"{path} is not valid JSON: {StrictJson.Place(exception)}: {StrictJson.Problem(exception)}.",
                exception
            );
        }
        catch (InputFileException exception)
        {
            throw new ParityException(
                exception.Fault == InputFileFault.Missing
                    ? $"{folder} holds no {FileName}; give a fixture's folder, or a folder of such folders."
                    : $"{path} {exception.Problem}.",
                exception
            );
        }
    }

    /// <summary>Path of a file of the fixture.</summary>
    /// <param name="name">Name relative to the folder; may start with "../" to reach a sibling fixture.</param>
    public string File(string name) => Path.GetFullPath(Path.Combine(Folder, name));

    /// <summary>Opens an array file of the fixture.</summary>
    /// <param name="name">Name relative to the folder, for instance "io.safetensors".</param>
    /// <exception cref="ParityException">There is no such file.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    public TensorArchive OpenArchive(string name)
    {
        string path = File(name);
        return System.IO.File.Exists(path)
            ? TensorArchive.Open(path)
            : throw new ParityException($"{path} is missing; the fixture needs it.");
    }

    /// <summary>An entry of the manifest that the fixture must have.</summary>
    /// <param name="path">Keys from the root inwards.</param>
    /// <exception cref="ParityException">The entry is missing.</exception>
    public JsonElement Require(params ReadOnlySpan<string> path)
    {
        JsonElement element = Root;
        foreach (string key in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(key, out element))
            {
                throw new ParityException(
                    $"{File(FileName)} has no entry {string.Join(" / ", path)}, which this kind of fixture must have."
                );
            }
        }
        return element;
    }

    /// <summary>The tolerance that the manifest states under "tolerances".</summary>
    /// <param name="name">For instance "float32".</param>
    /// <returns>Its "atol" and "rtol", 0 where absent; null when the manifest has no such entry.</returns>
    public (double Atol, double Rtol)? Tolerance(string name)
    {
        if (
            !Root.TryGetProperty("tolerances", out JsonElement tolerances)
            || tolerances.ValueKind != JsonValueKind.Object
            || !tolerances.TryGetProperty(name, out JsonElement tolerance)
            || tolerance.ValueKind != JsonValueKind.Object
        )
        {
            return null;
        }
        return (Number(tolerance, "atol"), Number(tolerance, "rtol"));
    }

    private static double Number(JsonElement element, string key) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : 0;

    private string Text(string key) =>
        Root.ValueKind == JsonValueKind.Object && Root.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : string.Empty;
}
