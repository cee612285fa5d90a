using System.Text.Json;
using LatentSync.Foundation.Files;
using LatentSync.Models.Loading;

namespace LatentSync.Training.Loops;

/// <summary>A training's YAML file: sections with known keys, so that a misspelt one is named instead of ignored.</summary>
internal sealed class TrainingDocument
{
    private readonly JsonElement _root;
    private readonly string _path;

    private TrainingDocument(JsonElement root, string path)
    {
        (_root, _path) = (root, path);
    }

    /// <summary>Folder that relative paths inside the file are meant from.</summary>
    public string Folder => Path.GetDirectoryName(Path.GetFullPath(_path))!;

    /// <summary>Reads a file and checks its sections.</summary>
    /// <param name="path">YAML or JSON.</param>
    /// <param name="sections">The sections that it may have.</param>
    /// <exception cref="ModelConfigurationException">The file is missing, malformed, or has an unknown section (the nearest one is
    /// named).</exception>
    public static TrainingDocument Open(string path, params IReadOnlyList<string> sections)
    {
        string text = YamlDocument.ReadText(path);
        try
        {
            JsonElement root = YamlDocument.ToJson(text);
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw new ModelConfigurationException($"The configuration has no sections; it should have {string.Join(", ", sections)}.");
            }
            KnownKeys.Check(root, "the training", sections, []);
            return new TrainingDocument(root, path);
        }
        catch (ModelConfigurationException exception)
        {
            throw Located(path, exception);
        }
    }

    /// <summary>Reads a section; an absent one is empty.</summary>
    /// <typeparam name="T">What the section becomes.</typeparam>
    /// <param name="name">The section.</param>
    /// <param name="keys">Keys that decide something.</param>
    /// <param name="ignored">Keys of the original without influence here.</param>
    /// <param name="read">Takes the values.</param>
    /// <exception cref="ModelConfigurationException">A key is unknown (the nearest one is named), or a value cannot be used.</exception>
    public T Read<T>(string name, IReadOnlyList<string> keys, IReadOnlyList<string> ignored, Func<ConfigurationReader, T> read)
    {
        try
        {
            JsonElement json = Section(name);
            ConfigurationReader reader = new(json, $"the section {name}");
            KnownKeys.Check(json, $"the section {name}", keys, ignored);
            return read(reader);
        }
        catch (ModelConfigurationException exception)
        {
            throw Located(_path, exception);
        }
    }

    /// <summary>The weights and lists that the file names, as far as they are there.</summary>
    public IEnumerable<string> InputPaths() =>
        _root
            .EnumerateObject()
            .Where(section => section.Value.ValueKind == JsonValueKind.Object)
            .SelectMany(section => section.Value.EnumerateObject())
            .Where(entry =>
                entry.Value.ValueKind == JsonValueKind.String
                && (entry.Name.EndsWith("_path", StringComparison.Ordinal) || entry.Name.EndsWith("_fileslist", StringComparison.Ordinal))
            )
            .Select(entry => entry.Value.GetString()!)
            .Where(path => !string.IsNullOrWhiteSpace(path))
            .Select(PathOf)
            .OfType<string>()
            .Where(path => FileStatus.Of(path) is not null);

    /// <summary>Lets a model read its own section.</summary>
    /// <typeparam name="T">The model's configuration.</typeparam>
    /// <param name="name">The section.</param>
    /// <param name="read">The model's reader.</param>
    /// <exception cref="ModelConfigurationException">The section is missing or describes no usable network.</exception>
    public T ReadModel<T>(string name, Func<JsonElement, T> read)
    {
        try
        {
            return _root.TryGetProperty(name, out JsonElement json) && json.ValueKind == JsonValueKind.Object
                ? read(json)
                : throw new ModelConfigurationException($"The configuration has no section \"{name}:\", which describes the network.");
        }
        catch (ModelConfigurationException exception)
        {
            throw Located(_path, exception);
        }
    }

    /// <summary>The path that one key of a section names, meant from the file's folder; null when it is absent or empty.</summary>
    /// <param name="section">The section; its other keys are not looked at.</param>
    /// <param name="key">The key.</param>
    public string? ReadPath(string section, string key) =>
        PathOf(new ConfigurationReader(Section(section), $"the section {section}").Text(key, string.Empty));

    /// <summary>A path of the file, meant from the file's folder; null for an empty one.</summary>
    public string? PathOf(string value) => value.Length == 0 ? null : Path.GetFullPath(value, Folder);

    private JsonElement Section(string name) =>
        _root.TryGetProperty(name, out JsonElement json) && json.ValueKind != JsonValueKind.Null
            ? json
            : JsonSerializer.SerializeToElement(new { });

    private static ModelConfigurationException Located(string path, ModelConfigurationException exception) =>
        new($"{path}: {exception.Message}", exception);
}
