using LatentSync.Checkpoints;
using static TorchSharp.torch;

namespace LatentSync.Models.Loading;

/// <summary>Copies a checkpoint's arrays into a network's parameters and buffers by name.</summary>
public static class StateDictLoader
{
    /// <summary>Loads every parameter and buffer of <paramref name="module"/> that <paramref name="archive"/> holds.</summary>
    /// <param name="module">The network; parameters on the CPU, contiguous.</param>
    /// <param name="archive">The checkpoint.</param>
    /// <param name="prefix">Text in front of each key in the file, for instance "state_dict.".</param>
    /// <returns>Keys of the module that the file lacks, and keys of the file that the module lacks.</returns>
    public static (IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected) Load(nn.Module module, TensorArchive archive, string prefix = "")
    {
        Dictionary<string, Tensor> state = module.state_dict();
        List<string> missing = [];
        using IDisposable noGrad = no_grad();
        foreach ((string key, Tensor target) in state)
        {
            if (!archive.Tensors.TryGetValue(prefix + key, out TensorInfo? info))
            {
                missing.Add(key);
                continue;
            }
            if (!info.Shape.SequenceEqual(target.shape))
            {
                throw new InvalidDataException($"{key}: file has ({string.Join(", ", info.Shape)}), network wants ({string.Join(", ", target.shape)}).");
            }
            archive.CopyTo(prefix + key, TensorElementType.Float32, target.bytes);
        }
        string[] unexpected = [.. archive.Tensors.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal) && !state.ContainsKey(k[prefix.Length..]))];
        return (missing, unexpected);
    }
}
