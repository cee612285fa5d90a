namespace LatentSync.Checkpoints.Safetensors;

/// <summary>Spelling of element types in a safetensors header.</summary>
public static class SafetensorsTypes
{
    /// <summary>The spelling of a type.</summary>
    /// <param name="type">The type.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is none.</exception>
    public static string Name(TensorElementType type) =>
        type switch
        {
            TensorElementType.Float64 => "F64",
            TensorElementType.Float32 => "F32",
            TensorElementType.Float16 => "F16",
            TensorElementType.BFloat16 => "BF16",
            TensorElementType.Int64 => "I64",
            TensorElementType.Int32 => "I32",
            TensorElementType.Int16 => "I16",
            TensorElementType.Int8 => "I8",
            TensorElementType.UInt8 => "U8",
            TensorElementType.Bool => "BOOL",
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "This is not a defined element type."),
        };

    /// <summary>The type of a spelling; null when it is none.</summary>
    /// <param name="name">The spelling, "BF16".</param>
    public static TensorElementType? Find(string name) =>
        name switch
        {
            "F64" => TensorElementType.Float64,
            "F32" => TensorElementType.Float32,
            "F16" => TensorElementType.Float16,
            "BF16" => TensorElementType.BFloat16,
            "I64" => TensorElementType.Int64,
            "I32" => TensorElementType.Int32,
            "I16" => TensorElementType.Int16,
            "I8" => TensorElementType.Int8,
            "U8" => TensorElementType.UInt8,
            "BOOL" => TensorElementType.Bool,
            _ => null,
        };
}
