using System.Text.Json;

namespace LatentSync.Parity;

/// <summary>The manifest.json of a golden fixture.</summary>
/// <param name="Folder">Folder that holds manifest.json.</param>
/// <param name="Root">The document.</param>
public sealed record ParityManifest(string Folder, JsonElement Root)
{
    /// <summary>The fixture's name: the "fixture" entry.</summary>
    public string Fixture => Root.GetProperty("fixture").GetString() ?? string.Empty;

    /// <summary>The class or classes of the original that produced it: the "component" entry.</summary>
    public string Component => Root.TryGetProperty("component", out JsonElement c) ? c.GetString() ?? string.Empty : string.Empty;

    /// <summary>Path of a file of the fixture.</summary>
    /// <param name="name">Name relative to the folder; may start with "../" to reach a sibling fixture.</param>
    public string File(string name) => Path.GetFullPath(Path.Combine(Folder, name));
}
