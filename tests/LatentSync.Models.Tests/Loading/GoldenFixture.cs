using System.Text.Json;
using LatentSync.Checkpoints;
using LatentSync.Testing;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Loading;

/// <summary>A folder of tests/Data/golden: its manifest, weights and recorded tensors.</summary>
internal sealed class GoldenFixture : IDisposable
{
    private readonly JsonDocument _manifest;
    private readonly TensorArchive _io;

    public GoldenFixture(string name)
    {
        Folder = Path.Combine(RepositoryRoot.Find(), "tests", "Data", "golden", name);
        _manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "manifest.json")));
        _io = TensorArchive.Open(Path.Combine(Folder, "io.safetensors"));
    }

    public string Folder { get; }

    public JsonElement Manifest => _manifest.RootElement;

    public JsonElement Configuration => Manifest.GetProperty("config");

    public TensorArchive OpenWeights() => TensorArchive.Open(Path.Combine(Folder, "weights.safetensors"));

    public Tensor Read(string name) => Read(_io, name);

    public long[] ReadIntegers(string name)
    {
        using Tensor tensor = Read(name);
        return tensor.data<long>().ToArray();
    }

    public static Tensor Read(TensorArchive archive, string name)
    {
        TensorInfo info = archive.Tensors[name];
        Tensor tensor = empty([.. info.Shape], info.ElementType == TensorElementType.Int64 ? ScalarType.Int64 : ScalarType.Float32);
        archive.CopyTo(name, info.ElementType, tensor.bytes);
        return tensor;
    }

    public void Dispose()
    {
        _manifest.Dispose();
        _io.Dispose();
    }
}
