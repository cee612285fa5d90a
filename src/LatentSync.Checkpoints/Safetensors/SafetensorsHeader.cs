using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;
using LatentSync.Checkpoints.Files;
using LatentSync.Foundation.Wording;

namespace LatentSync.Checkpoints.Safetensors;

/// <summary>The parsed and checked header: u64 length N (little endian), N bytes of JSON, then the tensors' bytes.</summary>
internal sealed class SafetensorsHeader
{
    /// <summary>Longest header; the reference implementation's limit.</summary>
    public const int MaxLength = 100_000_000;

    /// <summary>The one key of the header that is no tensor: a map from text to text.</summary>
    public const string MetadataKey = "__metadata__";

    /// <summary>Characters of a tensor's name or a metadata key.</summary>
    public const int MaxNameLength = 4096;

    private const int LengthPrefix = 8;
    private const int MaxDepth = 8;

    private readonly CheckpointFile _file;
    private readonly long _dataOffset;
    private readonly List<(TensorInfo Info, long Begin, long End)> _entries = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader(CheckpointFile file, long dataOffset)
    {
        _file = file;
        _dataOffset = dataOffset;
    }

    /// <summary>In the order of the header.</summary>
    public IEnumerable<StoredTensor> Tensors => _entries.Select(e => new StoredTensor(e.Info, _dataOffset + e.Begin));

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    public static SafetensorsHeader Read(CheckpointFile file)
    {
        if (file.Length < LengthPrefix)
        {
            throw file.Refuse($"a safetensors file begins with 8 bytes of header length, this file has {file.Length}");
        }
        Span<byte> prefix = stackalloc byte[LengthPrefix];
        file.ReadExactly(0, prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxLength)
        {
            throw file.Refuse($"the safetensors header claims {length} bytes; at most {MaxLength} are allowed");
        }
        if ((long)length > file.Length - LengthPrefix)
        {
            throw file.Refuse(
                $"the safetensors header claims {length} bytes, but only {file.Length - LengthPrefix} follow",
                remedy: "The file is truncated: download or copy it again"
            );
        }
        byte[] json = new byte[(int)length];
        file.ReadExactly(LengthPrefix, json);
        SafetensorsHeader header = new(file, LengthPrefix + (long)length);
        header.Parse(json);
        header.CheckCoverage();
        return header;
    }

    private void Parse(byte[] json)
    {
        if (!Utf8.IsValid(json))
        {
            throw _file.Refuse("the safetensors header is not valid UTF-8");
        }
        try
        {
            Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = MaxDepth });
            Expect(ref reader, JsonTokenType.StartObject, "the header");
            while (NextProperty(ref reader, out string name))
            {
                if (!_names.Add(name))
                {
                    throw _file.Refuse("the header lists this name twice", name);
                }
                if (name == MetadataKey)
                {
                    ParseMetadata(ref reader);
                }
                else
                {
                    _entries.Add(ParseTensor(ref reader, name));
                }
            }

            // Only the padding spaces may follow: reading on past anything else throws.
            _ = reader.Read();
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: an escape sequence that is no Unicode text, such as a lone surrogate.
            throw _file.Refuse($"the safetensors header is not valid JSON ({fault.Message.TrimEnd('.')})", inner: fault);
        }
    }

    private void ParseMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject, MetadataKey);
        while (NextProperty(ref reader, out string key))
        {
            Expect(ref reader, JsonTokenType.String, $"{MetadataKey} entry {CheckpointFormatException.Quote(key)}");
            if (!_metadata.TryAdd(key, reader.GetString()!))
            {
                throw _file.Refuse($"{MetadataKey} lists {CheckpointFormatException.Quote(key)} twice");
            }
        }
    }

    private (TensorInfo Info, long Begin, long End) ParseTensor(ref Utf8JsonReader reader, string name)
    {
        TensorElementType? type = null;
        long[]? shape = null;
        long[]? offsets = null;
        Expect(ref reader, JsonTokenType.StartObject, "its entry", name);
        while (NextProperty(ref reader, out string property))
        {
            switch (property)
            {
                case "dtype" when type is null:
                    Expect(ref reader, JsonTokenType.String, "dtype", name);
                    string spelling = reader.GetString()!;
                    type =
                        SafetensorsTypes.Find(spelling)
                        ?? throw _file.Refuse(
                            $"element type {CheckpointFormatException.Quote(spelling)} is not read here; F64, F32, F16, BF16, I64, I32, I16, I8, U8 and BOOL are",
                            name,
                            "Use an unquantised version of the checkpoint"
                        );
                    break;
                case "shape" when shape is null:
                    shape = ParseNumbers(ref reader, "shape", TensorInfo.MaxRank, name);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ParseNumbers(ref reader, "data_offsets", 2, name);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw _file.Refuse($"its entry gives {property} twice", name);
                default:
                    reader.Skip();
                    break;
            }
        }
        if (type is null || shape is null || offsets is not [long begin, long end])
        {
            throw _file.Refuse("its entry must have dtype, shape and two data_offsets", name);
        }
        long count =
            TensorInfo.CountElements(shape)
            ?? throw _file.Refuse($"the product of its shape ({string.Join(", ", shape)}) exceeds 64 bits", name);
        long required = count * type.Value.SizeInBytes();
        if (end < begin || end - begin != required)
        {
            throw _file.Refuse(
                $"shape ({string.Join(", ", shape)}) of {type} takes {required} bytes, its data_offsets {begin} to {end} give {(Int128)end - begin}",
                name
            );
        }
        return (new TensorInfo(name, type.Value, shape), begin, end);
    }

    private long[] ParseNumbers(ref Utf8JsonReader reader, string property, int maxCount, string name)
    {
        List<long> numbers = [];
        Expect(ref reader, JsonTokenType.StartArray, property, name);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number) || number < 0)
            {
                throw _file.Refuse($"{property} must be a list of whole numbers from 0 to {long.MaxValue}", name);
            }
            if (numbers.Count == maxCount)
            {
                throw _file.Refuse($"{property} has more than {maxCount} numbers", name);
            }
            numbers.Add(number);
        }
        return [.. numbers];
    }

    /// <summary>The tensors must lie one after the other from the first data byte to the end of the file.</summary>
    private void CheckCoverage()
    {
        long length = _file.Length - _dataOffset;
        long position = 0;
        string? previous = null;
        foreach ((TensorInfo info, long begin, long end) in _entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (end > length)
            {
                throw _file.Refuse(
                    $"its data ends at byte {end} of the data section, which has {length}",
                    info.Name,
                    "The file is truncated or damaged: download or copy it again"
                );
            }
            if (begin != position)
            {
                Sentence neighbour = previous is null
                    ? (Sentence)"the start of the data section"
                    : $"the end of {CheckpointFormatException.Quote(previous)}";
                throw _file.Refuse(
                    begin < position
                        ? (Sentence)$"its data begins at byte {begin}, before {neighbour} ({position})"
                        : $"its data begins at byte {begin}, after {neighbour} ({position})",
                    info.Name
                );
            }
            position = end;
            previous = info.Name;
        }
        if (position != length)
        {
            throw _file.Refuse($"{length - position} bytes follow the last tensor; a safetensors file ends with its last tensor");
        }
    }

    private bool NextProperty(ref Utf8JsonReader reader, out string name)
    {
        name = "";
        if (!reader.Read() || reader.TokenType != JsonTokenType.PropertyName)
        {
            return false;
        }
        name = reader.GetString()!;
        return name.Length <= MaxNameLength
            ? true
            : throw _file.Refuse($"a name has {name.Length} characters; at most {MaxNameLength} are allowed", name);
    }

    private void Expect(ref Utf8JsonReader reader, JsonTokenType type, Sentence what, string? tensorName = null)
    {
        if (!reader.Read() || reader.TokenType != type)
        {
            throw _file.Refuse(
                $"{what} must be a JSON {type.ToString().Replace("Start", "", StringComparison.Ordinal).ToLowerInvariant()}",
                tensorName
            );
        }
    }
}
