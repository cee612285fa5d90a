namespace LatentSync.Checkpoints;

/// <summary>Facts about <see cref="TensorElementType"/>.</summary>
public static class TensorElementTypes
{
    /// <summary>Bytes of one element.</summary>
    /// <param name="type">A defined element type.</param>
    /// <returns>1, 2, 4 or 8.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The value is not a defined element type.</exception>
    public static int SizeInBytes(this TensorElementType type) =>
        type switch
        {
            TensorElementType.Float64 or TensorElementType.Int64 => 8,
            TensorElementType.Float32 or TensorElementType.Int32 => 4,
            TensorElementType.Float16 or TensorElementType.BFloat16 or TensorElementType.Int16 => 2,
            TensorElementType.Int8 or TensorElementType.UInt8 or TensorElementType.Bool => 1,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "This is not a defined element type."),
        };
}
