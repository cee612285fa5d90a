using System.Runtime.InteropServices;
using System.Text;

namespace LatentSync.Media.Tests.Faces;

/// <summary>Writes tiny ONNX models, field by field, for testing what is done with a network's outputs: every output is a linear function
/// of the means of the input's three channels.</summary>
internal sealed class OnnxModelWriter
{
    private readonly MemoryStream _graph = new();
    private readonly MemoryStream _outputs = new();
    private readonly MemoryStream _initializers = new();

    public OnnxModelWriter(long height, long width)
    {
        Node("GlobalAveragePool", ["data"], ["pooled"]); // (1, 3, 1, 1)
        Node("Flatten", ["pooled"], ["means"]); // (1, 3)
        Input = ValueInfo("data", [1, 3, height, width]);
    }

    private byte[] Input { get; }

    /// <summary>Adds an output of the given shape: offset + Σ slope of channel c · mean of channel c.</summary>
    public OnnxModelWriter Output(string name, long[] shape, float[] offset, float[]? slopes = null)
    {
        Floats(name + "_slopes", [3, offset.Length], slopes ?? new float[3 * offset.Length]);
        Floats(name + "_offset", [1, offset.Length], offset);
        Tensor(name + "_shape", [shape.Length], 7, MemoryMarshal.AsBytes(shape.AsSpan()));
        Node("MatMul", ["means", name + "_slopes"], [name + "_scaled"]);
        Node("Add", [name + "_scaled", name + "_offset"], [name + "_flat"]);
        Node("Reshape", [name + "_flat", name + "_shape"], [name]);
        Field(_outputs, 12, ValueInfo(name, shape));
        return this;
    }

    public void Save(string path)
    {
        Field(_graph, 2, "test"u8);
        _initializers.WriteTo(_graph);
        Field(_graph, 11, Input);
        _outputs.WriteTo(_graph);
        using var opset = new MemoryStream();
        Number(opset, 2, 13);
        using var model = new MemoryStream();
        Number(model, 1, 7);
        Field(model, 8, opset.ToArray());
        Field(model, 7, _graph.ToArray());
        File.WriteAllBytes(path, model.ToArray());
    }

    private void Node(string type, string[] inputs, string[] outputs)
    {
        using var node = new MemoryStream();
        foreach (string input in inputs)
        {
            Field(node, 1, Encoding.UTF8.GetBytes(input));
        }
        foreach (string output in outputs)
        {
            Field(node, 2, Encoding.UTF8.GetBytes(output));
        }
        Field(node, 3, Encoding.UTF8.GetBytes("make_" + outputs[0]));
        Field(node, 4, Encoding.UTF8.GetBytes(type));
        Field(_graph, 1, node.ToArray());
    }

    private void Floats(string name, long[] shape, float[] values) => Tensor(name, shape, 1, MemoryMarshal.AsBytes(values.AsSpan()));

    private void Tensor(string name, long[] shape, int type, ReadOnlySpan<byte> data)
    {
        using var tensor = new MemoryStream();
        foreach (long size in shape)
        {
            Number(tensor, 1, size);
        }
        Number(tensor, 2, type);
        Field(tensor, 8, Encoding.UTF8.GetBytes(name));
        Field(tensor, 9, data);
        Field(_initializers, 5, tensor.ToArray());
    }

    private static byte[] ValueInfo(string name, long[] shape)
    {
        using var dimensions = new MemoryStream();
        foreach (long size in shape)
        {
            using var dimension = new MemoryStream();
            Number(dimension, 1, size);
            Field(dimensions, 1, dimension.ToArray());
        }
        using var tensor = new MemoryStream();
        Number(tensor, 1, 1);
        Field(tensor, 2, dimensions.ToArray());
        using var type = new MemoryStream();
        Field(type, 1, tensor.ToArray());
        using var info = new MemoryStream();
        Field(info, 1, Encoding.UTF8.GetBytes(name));
        Field(info, 2, type.ToArray());
        return info.ToArray();
    }

    private static void Field(Stream stream, int number, ReadOnlySpan<byte> bytes)
    {
        Varint(stream, (number << 3) | 2);
        Varint(stream, bytes.Length);
        stream.Write(bytes);
    }

    private static void Number(Stream stream, int number, long value)
    {
        Varint(stream, number << 3);
        Varint(stream, value);
    }

    private static void Varint(Stream stream, long value)
    {
        for (; value > 127; value >>= 7)
        {
            stream.WriteByte((byte)(value | 128));
        }
        stream.WriteByte((byte)value);
    }
}
