namespace LatentSync.Checkpoints;

/// <summary>A tensor to be written: its type, shape, and a way to get its bytes when they are due.</summary>
public sealed class TensorPayload
{
    private readonly Action<Stream> _writeTo;

    /// <summary>Describes a tensor whose bytes are produced while the file is written, so that no copy of it is needed.</summary>
    /// <param name="elementType">Type of the elements.</param>
    /// <param name="shape">Sizes, outermost first, at most <see cref="TensorInfo.MaxRank"/>; empty for a scalar.</param>
    /// <param name="writeTo">Writes exactly <see cref="ByteCount"/> bytes: the elements row-major, little-endian. Called once per
    /// file.</param>
    /// <exception cref="ArgumentException">The shape has a negative size, too many dimensions, or too many elements to count.</exception>
    public TensorPayload(TensorElementType elementType, IReadOnlyList<long> shape, Action<Stream> writeTo)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(writeTo);
        int elementSize = elementType.SizeInBytes();
        if (shape.Count > TensorInfo.MaxRank || shape.Any(size => size < 0) || TensorInfo.CountElements(shape) is not { } count)
        {
            throw new ArgumentException($"({string.Join(", ", shape)}) is not the shape of a tensor that can be stored.", nameof(shape));
        }
        ElementType = elementType;
        Shape = [.. shape];
        ByteCount = count * elementSize;
        _writeTo = writeTo;
    }

    /// <summary>Type of the elements.</summary>
    public TensorElementType ElementType { get; }

    /// <summary>Sizes, outermost first.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Element count x element size.</summary>
    public long ByteCount { get; }

    /// <summary>A tensor whose bytes are at hand.</summary>
    /// <param name="elementType">Type of the elements.</param>
    /// <param name="shape">Sizes, outermost first.</param>
    /// <param name="bytes">The elements row-major, little-endian; must not change until the file is written.</param>
    /// <returns>The payload.</returns>
    /// <exception cref="ArgumentException">The number of bytes does not fit the shape.</exception>
    public static TensorPayload FromBytes(TensorElementType elementType, IReadOnlyList<long> shape, ReadOnlyMemory<byte> bytes)
    {
        TensorPayload payload = new(elementType, shape, stream => stream.Write(bytes.Span));
        return payload.ByteCount == bytes.Length
            ? payload
            : throw new ArgumentException(
                $"({string.Join(", ", shape)}) of {elementType} takes {payload.ByteCount} bytes, not {bytes.Length}.",
                nameof(bytes)
            );
    }

    internal void WriteTo(Stream stream) => _writeTo(stream);
}
