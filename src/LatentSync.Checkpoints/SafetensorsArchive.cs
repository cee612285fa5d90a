using System.Buffers.Binary;
using System.Text.Json;

namespace LatentSync.Checkpoints;

/// <summary>A .safetensors file (first version; bounded parsing and conversion follow).</summary>
public sealed class SafetensorsArchive : TensorArchive
{
    private readonly byte[] _bytes;
    private readonly Dictionary<string, TensorInfo> _tensors = [];
    private readonly Dictionary<string, (long Begin, long End)> _ranges = [];
    private readonly Dictionary<string, string> _metadata = [];

    /// <summary>Reads the file.</summary>
    /// <param name="path">Path of the file.</param>
    public SafetensorsArchive(string path)
    {
        Path = System.IO.Path.GetFullPath(path);
        _bytes = File.ReadAllBytes(path);
        long headerLength = BinaryPrimitives.ReadInt64LittleEndian(_bytes);
        using JsonDocument header = JsonDocument.Parse(_bytes.AsMemory(8, (int)headerLength));
        foreach (JsonProperty entry in header.RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__")
            {
                continue;
            }
            TensorElementType type = entry.Value.GetProperty("dtype").GetString() switch
            {
                "F64" => TensorElementType.Float64,
                "F32" => TensorElementType.Float32,
                "F16" => TensorElementType.Float16,
                "BF16" => TensorElementType.BFloat16,
                "I64" => TensorElementType.Int64,
                "I32" => TensorElementType.Int32,
                "U8" => TensorElementType.UInt8,
                "BOOL" => TensorElementType.Bool,
                var other => throw new InvalidDataException($"{other} is not supported."),
            };
            long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64())];
            JsonElement offsets = entry.Value.GetProperty("data_offsets");
            _tensors[entry.Name] = new TensorInfo(entry.Name, type, shape);
            _ranges[entry.Name] = (8 + headerLength + offsets[0].GetInt64(), 8 + headerLength + offsets[1].GetInt64());
        }
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <inheritdoc/>
    public override void CopyTo(string name, TensorElementType elementType, Span<byte> destination)
    {
        if (_tensors[name].ElementType != elementType)
        {
            throw new NotSupportedException("Conversion comes later.");
        }
        (long begin, long end) = _ranges[name];
        _bytes.AsSpan((int)begin, (int)(end - begin)).CopyTo(destination);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) { }
}
