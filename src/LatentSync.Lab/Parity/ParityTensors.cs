using LatentSync.Checkpoints;
using static TorchSharp.torch;

namespace LatentSync.Lab.Parity;

/// <summary>Recorded arrays as tensors.</summary>
public static class ParityTensors
{
    /// <summary>Reads one array in its stored type.</summary>
    /// <param name="archive">A fixture's .safetensors file.</param>
    /// <param name="name">The array.</param>
    /// <returns>A new tensor on the CPU, row-major.</returns>
    /// <exception cref="ParityException">The file holds no array of this name.</exception>
    public static Tensor Read(TensorArchive archive, string name)
    {
        if (!archive.Tensors.TryGetValue(name, out TensorInfo? info))
        {
            throw new ParityException($"{archive.Path} holds no tensor \"{name}\", which this kind of fixture must have.");
        }
        Tensor tensor = empty([.. info.Shape], TypeOf(info.ElementType), CPU);
        archive.CopyTo(name, info.ElementType, tensor.bytes);
        return tensor;
    }

    /// <summary>Reads one array of integers.</summary>
    /// <param name="archive">A fixture's .safetensors file.</param>
    /// <param name="name">The array.</param>
    /// <returns>Its values, row-major.</returns>
    /// <exception cref="ParityException">The file holds no array of this name.</exception>
    public static long[] ReadIntegers(TensorArchive archive, string name)
    {
        using Tensor stored = Read(archive, name);
        using Tensor wide = stored.to(ScalarType.Int64, copy: true);
        return wide.data<long>().ToArray();
    }

    private static ScalarType TypeOf(TensorElementType type) =>
        type switch
        {
            TensorElementType.Float64 => ScalarType.Float64,
            TensorElementType.Float32 => ScalarType.Float32,
            TensorElementType.Float16 => ScalarType.Float16,
            TensorElementType.BFloat16 => ScalarType.BFloat16,
            TensorElementType.Int64 => ScalarType.Int64,
            TensorElementType.Int32 => ScalarType.Int32,
            TensorElementType.Int16 => ScalarType.Int16,
            TensorElementType.Int8 => ScalarType.Int8,
            TensorElementType.UInt8 => ScalarType.Byte,
            TensorElementType.Bool => ScalarType.Bool,
            _ => throw new ParityException($"Element type {type} is not used by fixtures."),
        };
}
