using LatentSync.Checkpoints;
using static TorchSharp.torch;

namespace LatentSync.Models.Loading;

/// <summary>Stored element types and the dtypes of tensors.</summary>
internal static class StateDictTypes
{
    /// <summary>The stored type that has the layout of <paramref name="dtype"/>.</summary>
    public static TensorElementType ElementTypeOf(ScalarType dtype) =>
        dtype switch
        {
            ScalarType.Float64 => TensorElementType.Float64,
            ScalarType.Float32 => TensorElementType.Float32,
            ScalarType.Float16 => TensorElementType.Float16,
            ScalarType.BFloat16 => TensorElementType.BFloat16,
            ScalarType.Int64 => TensorElementType.Int64,
            ScalarType.Int32 => TensorElementType.Int32,
            ScalarType.Int16 => TensorElementType.Int16,
            ScalarType.Int8 => TensorElementType.Int8,
            ScalarType.Byte => TensorElementType.UInt8,
            ScalarType.Bool => TensorElementType.Bool,
            _ => throw new NotSupportedException($"A parameter of type {dtype} has no counterpart in checkpoints."),
        };

    /// <summary>True for the types that hold fractions.</summary>
    public static bool IsFloat(TensorElementType type) =>
        type is TensorElementType.Float64 or TensorElementType.Float32 or TensorElementType.Float16 or TensorElementType.BFloat16;
}
