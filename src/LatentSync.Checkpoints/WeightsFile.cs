using LatentSync.Checkpoints.Files;

namespace LatentSync.Checkpoints;

/// <summary>Finds a network's weights in a folder by the names that PyTorch's libraries give them: one file or several with an index, in
/// full precision or as a variant (<c>.fp16.</c>, <c>.bf16.</c>).</summary>
public static class WeightsFile
{
    private static readonly string[] Variants = ["fp16", "bf16"];

    /// <summary>Every name that weights may have, best first: full precision before variants, one file before several.</summary>
    /// <param name="stem">The name without extension, "diffusion_pytorch_model"; may begin with folders.</param>
    /// <param name="extensions">Extensions, best first, such as ".safetensors" and ".bin".</param>
    public static IEnumerable<string> Names(string stem, params IReadOnlyList<string> extensions)
    {
        foreach (string extension in extensions)
        {
            yield return stem + extension;
            yield return stem + extension + ShardIndex.Extension;
        }
        foreach (string variant in Variants)
        {
            foreach (string extension in extensions)
            {
                yield return $"{stem}.{variant}{extension}";
                yield return $"{stem}.{variant}{extension}{ShardIndex.Extension}";
                yield return $"{stem}{extension}.{variant}{ShardIndex.Extension}"; // diffusers' spelling
                yield return $"{stem}{extension}.index.{variant}.json"; // transformers' and older diffusers'
            }
        }
    }

    /// <summary>The weights in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="stem">The name without extension.</param>
    /// <param name="extensions">Extensions, best first.</param>
    /// <returns>Path of the file, or of the index of several; null when there is none.</returns>
    public static string? Find(string folder, string stem, params IReadOnlyList<string> extensions) =>
        Names(stem, extensions).Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>All files of weights: the file itself, or the index and what it names.</summary>
    /// <param name="path">Result of <see cref="Find"/>.</param>
    /// <exception cref="CheckpointFormatException">The index is damaged.</exception>
    public static IReadOnlyList<string> Files(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.EndsWith(".json", StringComparison.Ordinal) ? [path, .. ShardedArchive.ListShards(path)] : [path];
    }
}
