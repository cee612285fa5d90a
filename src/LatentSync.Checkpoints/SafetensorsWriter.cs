using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using LatentSync.Checkpoints.Safetensors;
using LatentSync.Checkpoints.Writing;
using LatentSync.Foundation.Files;

namespace LatentSync.Checkpoints;

/// <summary>Writes .safetensors files.</summary>
public static class SafetensorsWriter
{
    private const int Alignment = 8;

    /// <summary>Writes the file beside its target, flushes it to the disk and renames it; until then the target stays as it was.</summary>
    /// <param name="path">The target; replaced if it exists.</param>
    /// <param name="tensors">Tensors by name; stored in the reference implementation's order: wider element types first, then by
    /// name.</param>
    /// <param name="metadata">Text stored in the header; Python's loaders expect "format" = "pt".</param>
    /// <exception cref="ArgumentException">A name occurs twice or is reserved, or the header exceeds 100 MB.</exception>
    /// <exception cref="InvalidOperationException">A payload produced another number of bytes than its shape requires.</exception>
    /// <exception cref="IOException">The file cannot be written; nothing is left behind.</exception>
    public static void Write(
        string path,
        IEnumerable<KeyValuePair<string, TensorPayload>> tensors,
        IReadOnlyDictionary<string, string>? metadata = null
    )
    {
        ArgumentNullException.ThrowIfNull(tensors);
        KeyValuePair<string, TensorPayload>[] ordered =
        [
            .. tensors.OrderByDescending(t => t.Value.ElementType.SizeInBytes()).ThenBy(t => t.Key, StringComparer.Ordinal),
        ];
        CheckNames(ordered.Select(t => t.Key));
        byte[] header = BuildHeader(ordered, metadata);
        PartialFile.Write(
            path,
            stream =>
            {
                Span<byte> length = stackalloc byte[sizeof(ulong)];
                BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
                stream.Write(length);
                stream.Write(header);
                foreach ((string name, TensorPayload payload) in ordered)
                {
                    PayloadStream.Copy(stream, name, payload.ByteCount, computeCrc32: false, payload.WriteTo);
                }
            }
        );
    }

    private static void CheckNames(IEnumerable<string> names)
    {
        HashSet<string> seen = new(StringComparer.Ordinal) { SafetensorsHeader.MetadataKey };
        foreach (string name in names)
        {
            if (!seen.Add(name) || name.Length > SafetensorsHeader.MaxNameLength)
            {
                throw new ArgumentException(
                    $"{CheckpointFormatException.Quote(name)} cannot be a tensor's name: it is reserved, too long, or occurs twice.",
                    nameof(names)
                );
            }
        }
    }

    /// <summary>The JSON, padded with spaces so that the data begins at a multiple of 8.</summary>
    private static byte[] BuildHeader(KeyValuePair<string, TensorPayload>[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using MemoryStream header = new();
        using (Utf8JsonWriter json = new(header, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsHeader.MetadataKey);
                foreach ((string key, string value) in metadata)
                {
                    json.WriteString(key, value);
                }
                json.WriteEndObject();
            }
            long position = 0;
            foreach ((string name, TensorPayload payload) in tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", SafetensorsTypes.Name(payload.ElementType));
                WriteNumbers(json, "shape", payload.Shape);
                WriteNumbers(json, "data_offsets", [position, position + payload.ByteCount]);
                json.WriteEndObject();
                position += payload.ByteCount;
            }
            json.WriteEndObject();
        }
        while (header.Length % Alignment != 0)
        {
            header.WriteByte((byte)' ');
        }
        return header.Length <= SafetensorsHeader.MaxLength
            ? header.ToArray()
            : throw new ArgumentException(
                $"The header takes {header.Length} bytes; at most {SafetensorsHeader.MaxLength} are allowed.",
                nameof(tensors)
            );
    }

    private static void WriteNumbers(Utf8JsonWriter json, string property, IEnumerable<long> numbers)
    {
        json.WriteStartArray(property);
        foreach (long number in numbers)
        {
            json.WriteNumberValue(number);
        }
        json.WriteEndArray();
    }
}
