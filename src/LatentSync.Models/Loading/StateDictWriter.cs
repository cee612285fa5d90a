using LatentSync.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Loading;

/// <summary>A network's parameters and buffers as the writers of LatentSync.Checkpoints take them, one tensor in memory at a
/// time.</summary>
public static class StateDictWriter
{
    /// <summary>Every parameter and buffer, in the network's dtype.</summary>
    /// <param name="module">The network; must stay alive until the file is written.</param>
    /// <param name="prefix">Text put in front of each key.</param>
    /// <returns>Payloads by key, in the order of the state dictionary; for <see cref="SafetensorsWriter"/>.</returns>
    public static IReadOnlyList<KeyValuePair<string, TensorPayload>> Payloads(nn.Module module, string prefix = "") =>
        [.. module.state_dict().Select(entry => KeyValuePair.Create(prefix + entry.Key, Payload(entry.Value)))];

    /// <summary>Every parameter and buffer as a Python dictionary, for <see cref="TorchCheckpointWriter"/>.</summary>
    /// <param name="module">The network; must stay alive until the file is written.</param>
    /// <param name="prefix">Text put in front of each key.</param>
    public static CheckpointDictionary Dictionary(nn.Module module, string prefix = "")
    {
        CheckpointDictionary dictionary = [];
        foreach ((string key, TensorPayload payload) in Payloads(module, prefix))
        {
            dictionary.Add(key, payload);
        }
        return dictionary;
    }

    /// <summary>One tensor, in its own dtype; it must stay alive until the file is written.</summary>
    internal static TensorPayload Payload(Tensor tensor) =>
        new(
            StateDictTypes.ElementTypeOf(tensor.dtype),
            tensor.shape,
            stream =>
            {
                using IDisposable noGrad = no_grad();
                using DisposeScope scope = NewDisposeScope();
                stream.Write(tensor.detach().cpu().contiguous().bytes);
            }
        );
}
