using System.Runtime.InteropServices;
using LatentSync.Checkpoints;
using LatentSync.Testing;

namespace LatentSync.Training.Tests.Losses;

/// <summary>Named float32 arrays of seeded numbers: as a file for the code under test, as they are for an independent evaluation.</summary>
internal sealed class RandomWeights(int seed)
{
    private readonly Random _random = new(seed);
    private readonly Dictionary<string, (long[] Shape, float[] Values)> _tensors = [];

    /// <summary>Adds numbers uniform in centre ± spread.</summary>
    public RandomWeights Add(string name, double spread, double centre, params long[] shape)
    {
        float[] values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(centre + spread * (2 * _random.NextDouble() - 1));
        }
        _tensors[name] = (shape, values);
        return this;
    }

    public float[] this[string name] => _tensors[name].Values;

    public bool Remove(string name) => _tensors.Remove(name);

    public string WriteSafetensors(TemporaryFolder folder, string name, string prefix = "")
    {
        string path = folder.File(name);
        SafetensorsWriter.Write(path, _tensors.Select(entry => KeyValuePair.Create(prefix + entry.Key, Payload(entry.Value))));
        return path;
    }

    /// <summary>A PyTorch file with the arrays in a dictionary of its own, or at the top where <paramref name="inside"/> is null.</summary>
    public string WriteTorch(TemporaryFolder folder, string name, string? inside = null)
    {
        string path = folder.File(name);
        CheckpointDictionary dictionary = [];
        foreach ((string key, (long[], float[]) value) in _tensors)
        {
            dictionary.Add(key, Payload(value));
        }
        TorchCheckpointWriter.Write(
            path,
            inside is null ? dictionary : new CheckpointDictionary { { inside, dictionary }, { "epoch", 3 } }
        );
        return path;
    }

    private static TensorPayload Payload((long[] Shape, float[] Values) tensor) =>
        TensorPayload.FromBytes(TensorElementType.Float32, tensor.Shape, MemoryMarshal.AsBytes(tensor.Values.AsSpan()).ToArray());
}
