using System.Text.Json;

namespace LatentSync.Lab.Parity;

/// <summary>The sound clips that other fixtures use: readable, and as long as stated.</summary>
public sealed class AudioParity : IParityFixture
{
    /// <inheritdoc/>
    public bool Recognises(ParityManifest manifest) =>
        manifest.Component.Length == 0
        && manifest.Root.TryGetProperty("files", out JsonElement files)
        && files.ValueKind == JsonValueKind.Object
        && files.EnumerateObject().Any()
        && files.EnumerateObject().All(f => f.Name.EndsWith(".wav", StringComparison.OrdinalIgnoreCase));

    /// <inheritdoc/>
    public IEnumerable<ParityComparison> Run(ParityManifest manifest)
    {
        foreach (JsonProperty file in manifest.Require("files").EnumerateObject())
        {
            long expected = manifest.Require("files", file.Name, "samples").GetInt64();
            yield return ParityComparer.CompareExact(
                $"{file.Name} samples",
                [ParityWave.Read(manifest.File(file.Name)).Length],
                [expected]
            );
        }
    }
}
