using System.Runtime.InteropServices;
using LatentSync.Checkpoints;

namespace LatentSync.Models.Tests.Loading;

/// <summary>Float32 arrays in memory, handed out as a file would; converts to float32 and bfloat16 (by truncation).</summary>
internal sealed class InMemoryArchive : TensorArchive
{
    private readonly Dictionary<string, TensorInfo> _tensors = [];
    private readonly Dictionary<string, float[]> _values = [];

    public override string Path => "memory.safetensors";

    public override IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

    public override IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    public List<string> Copied { get; } = [];

    /// <summary>Adds an array with the values first, first + 1, ...</summary>
    public InMemoryArchive Add(string name, float first, params long[] shape) => Add(name, TensorElementType.Float32, first, shape);

    public InMemoryArchive Add(string name, TensorElementType type, float first, params long[] shape)
    {
        TensorInfo info = new(name, type, shape);
        _tensors[name] = info;
        _values[name] = [.. Enumerable.Range(0, (int)info.ElementCount).Select(i => first + i)];
        return this;
    }

    public override void CopyTo(string name, TensorElementType elementType, Span<byte> destination)
    {
        lock (Copied)
        {
            Copied.Add(name);
        }
        if (elementType == TensorElementType.Float32)
        {
            _values[name].CopyTo(MemoryMarshal.Cast<byte, float>(destination));
            return;
        }
        Assert.Equal(TensorElementType.BFloat16, elementType);
        ushort[] upper = [.. _values[name].Select(v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16))];
        upper.CopyTo(MemoryMarshal.Cast<byte, ushort>(destination));
    }

    protected override void Dispose(bool disposing) { }
}
