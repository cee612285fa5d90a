using System.Buffers.Binary;
using System.Text;

namespace LatentSync.Benchmarks.Peers;

/// <summary>An ONNX model of one node, com.microsoft MultiHeadAttention, written field by field (onnx.proto3): ONNX Runtime can read models
/// but not build them.</summary>
internal static class MultiHeadAttentionModel
{
    internal const string Query = "query",
        Key = "key",
        Value = "value",
        Output = "output";

    private const int FloatType = 1; // TensorProto.DataType.FLOAT
    private const int FloatAttribute = 1,
        IntAttribute = 2; // AttributeProto.AttributeType

    /// <summary>The file's bytes.</summary>
    /// <param name="batch">Sequences (B).</param>
    /// <param name="heads">Heads (H).</param>
    /// <param name="queryLength">Queries (Lq): query and output are (B, Lq, H·D) and (B, Lq, H·Dv), float32.</param>
    /// <param name="keyLength">Keys (Lk): key and value are (B, Lk, H·D) and (B, Lk, H·Dv), float32.</param>
    /// <param name="headDim">Elements of a query or key vector (D).</param>
    /// <param name="valueDim">Elements of a value vector (Dv).</param>
    /// <param name="scale">Factor on Q Kᵀ; null for the operator's own 1/√D.</param>
    internal static byte[] Write(int batch, int heads, int queryLength, int keyLength, int headDim, int valueDim, double? scale = null)
    {
        ProtoMessage node = new ProtoMessage()
            .Text(1, Query)
            .Text(1, Key)
            .Text(1, Value)
            .Text(2, Output)
            .Text(4, "MultiHeadAttention")
            .Message(5, new ProtoMessage().Text(1, "num_heads").Number(3, heads).Number(20, IntAttribute))
            .Text(7, "com.microsoft");
        if (scale is { } factor)
        {
            node.Message(5, new ProtoMessage().Text(1, "scale").Float(2, (float)factor).Number(20, FloatAttribute));
        }
        ProtoMessage graph = new ProtoMessage()
            .Message(1, node)
            .Text(2, "attention")
            .Message(11, Tensor(Query, batch, queryLength, heads * headDim))
            .Message(11, Tensor(Key, batch, keyLength, heads * headDim))
            .Message(11, Tensor(Value, batch, keyLength, heads * valueDim))
            .Message(12, Tensor(Output, batch, queryLength, heads * valueDim));
        return new ProtoMessage()
            .Number(1, 8) // version of the format
            .Message(7, graph)
            .Message(8, new ProtoMessage().Text(1, "").Number(2, 17)) // operator sets: ONNX's own, and the domain of the node
            .Message(8, new ProtoMessage().Text(1, "com.microsoft").Number(2, 1))
            .ToArray();
    }

    private static ProtoMessage Tensor(string name, params int[] shape)
    {
        ProtoMessage sizes = new();
        foreach (int size in shape)
        {
            sizes.Message(1, new ProtoMessage().Number(1, size));
        }
        ProtoMessage type = new ProtoMessage().Message(1, new ProtoMessage().Number(1, FloatType).Message(2, sizes));
        return new ProtoMessage().Text(1, name).Message(2, type);
    }

    /// <summary>A protocol buffer message: fields of a number, a wire type and a value.</summary>
    private sealed class ProtoMessage
    {
        private const int VarintWire = 0,
            BytesWire = 2,
            FixedWire = 5;
        private readonly MemoryStream _bytes = new();

        internal ProtoMessage Number(int field, long value)
        {
            Varint((field << 3) | VarintWire);
            Varint(value);
            return this;
        }

        internal ProtoMessage Float(int field, float value)
        {
            Varint((field << 3) | FixedWire);
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
            _bytes.Write(bytes);
            return this;
        }

        internal ProtoMessage Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

        internal ProtoMessage Message(int field, ProtoMessage value) => Bytes(field, value.ToArray());

        internal byte[] ToArray() => _bytes.ToArray();

        private ProtoMessage Bytes(int field, byte[] value)
        {
            Varint((field << 3) | BytesWire);
            Varint(value.Length);
            _bytes.Write(value);
            return this;
        }

        // Seven bits a byte, the lowest first; the top bit says that more follow. Nothing here is negative.
        private void Varint(long value)
        {
            for (; value > 127; value >>= 7)
            {
                _bytes.WriteByte((byte)(value | 128));
            }
            _bytes.WriteByte((byte)value);
        }
    }
}
