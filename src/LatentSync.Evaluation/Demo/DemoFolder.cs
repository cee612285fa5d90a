using System.Security.Cryptography;
using System.Text.Json;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Json;

namespace LatentSync.Evaluation.Demo;

/// <summary>The demo's output folder: knows which files the demo wrote, so that it replaces those and no others.</summary>
/// <remarks>A small file <c>latentsync-demo.json</c> lists them with their hashes. An entry without a hash is one being written.</remarks>
internal sealed class DemoFolder
{
    /// <summary>Name of the list.</summary>
    public const string ListName = "latentsync-demo.json";

    private const string Format = "latentsync-demo";
    private const int MaxListBytes = 1 << 20;

    private readonly string[] _names;

    private DemoFolder(string path, string[] names)
    {
        FullPath = path;
        _names = names;
    }

    /// <summary>Full path of the folder.</summary>
    public string FullPath { get; }

    /// <summary>Opens the folder, making it if missing, and claims the names that the demo is about to write.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="names">Relative paths that will be written.</param>
    /// <exception cref="DemoFolderException">A file of one of these names exists that the demo did not write, or that was changed
    /// since.</exception>
    /// <exception cref="IOException">The folder cannot be made or written to.</exception>
    public static DemoFolder Claim(string folder, IEnumerable<string> names)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(names);
        string full = Folder(folder);
        DemoFolder claimed = new(full, [.. names]);
        Dictionary<string, string?> known = claimed.ReadList();
        if (known.Count == 0 && File.Exists(claimed.PathOf(ListName)))
        {
            throw new DemoFolderException(
                $"{claimed.PathOf(ListName)} was not written by the demo: move it away or give another ⟦OutputFolder⟧. Nothing was replaced."
            );
        }
        foreach (string name in claimed._names)
        {
            string path = claimed.PathOf(name);
            if (Directory.Exists(path) || (File.Exists(path) && !IsOurs(path, name, known)))
            {
                throw new DemoFolderException(
                    $"{path} exists and was not written by the demo, or was changed since: move it away or give another ⟦OutputFolder⟧. Nothing was replaced."
                );
            }
        }
        Directory.CreateDirectory(full);
        claimed.WriteList(claimed._names.ToDictionary(n => n, _ => (string?)null));
        return claimed;
    }

    /// <summary>Full path of a file of the folder.</summary>
    /// <param name="name">Relative path.</param>
    public string PathOf(string name) => Path.Combine(FullPath, name);

    /// <summary>Notes the hashes of what was written, once all is done.</summary>
    public void Complete() => WriteList(_names.Where(n => File.Exists(PathOf(n))).ToDictionary(n => n, n => (string?)Hash(PathOf(n))));

    private static string Folder(string folder)
    {
        try
        {
            return OutputPath.Folder(folder);
        }
        catch (OutputPathException wrong)
        {
            throw new DemoFolderException($"⟦OutputFolder⟧: {wrong.Message}");
        }
    }

    private static bool IsOurs(string path, string name, Dictionary<string, string?> known) =>
        known.TryGetValue(name, out string? hash) && (hash is null || hash == Hash(path));

    private Dictionary<string, string?> ReadList()
    {
        string path = PathOf(ListName);
        Dictionary<string, string?> known = [];
        if (!File.Exists(path))
        {
            return known;
        }
        try
        {
            using JsonDocument document = StrictJson.Parse(InputFile.ReadAllBytes(path, MaxListBytes));
            JsonElement root = document.RootElement;
            if (
                root.ValueKind == JsonValueKind.Object
                && root.TryGetProperty("format", out JsonElement format)
                && format.ValueKind == JsonValueKind.String
                && format.ValueEquals(Format)
                && root.TryGetProperty("files", out JsonElement files)
                && files.ValueKind == JsonValueKind.Object
            )
            {
                foreach (JsonProperty file in files.EnumerateObject())
                {
                    known[file.Name] = file.Value.ValueKind == JsonValueKind.String ? file.Value.GetString() : null;
                }
            }
        }
        catch (Exception damaged) when (damaged is JsonException or InputFileException)
        {
            // A damaged list knows nothing: every file there then counts as the user's.
            known.Clear();
        }
        return known;
    }

    private void WriteList(Dictionary<string, string?> files)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(
            new Dictionary<string, object>
            {
                ["format"] = Format,
                ["version"] = 1,
                ["files"] = files,
            }
        );
        PartialFile.Write(PathOf(ListName), json);
    }

    private static string Hash(string path)
    {
        using FileStream stream = InputFile.OpenRead(path);
        return Convert.ToHexString(SHA256.HashData(stream));
    }
}
