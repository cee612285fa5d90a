namespace LatentSync.Checkpoints.Safetensors;

/// <summary>Spelling of element types in a safetensors header.</summary>
internal static class SafetensorsTypes
{
    public static string Name(TensorElementType type) => type switch
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

    public static TensorElementType? Find(string name) => name switch
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
