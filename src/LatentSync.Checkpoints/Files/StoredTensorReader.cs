using System.Buffers;
using LatentSync.Checkpoints.Conversion;

namespace LatentSync.Checkpoints.Files;

/// <summary>Copies stored tensors into memory, converting block by block.</summary>
internal sealed class StoredTensorReader
{
    // Source and converted block together fit in a 1 MiB second-level cache.
    private const int BlockBytes = 256 * 1024;
    private const int SmallestWindowBytes = 4 * 1024;

    private readonly CheckpointFile _file;
    private readonly Dictionary<string, StoredTensor> _tensors;

    public StoredTensorReader(CheckpointFile file, IEnumerable<StoredTensor> tensors)
    {
        _file = file;
        _tensors = tensors.ToDictionary(t => t.Info.Name, StringComparer.Ordinal);
        Infos = _tensors.ToDictionary(t => t.Key, t => t.Value.Info, StringComparer.Ordinal);
    }

    public IReadOnlyDictionary<string, TensorInfo> Infos { get; }

    public void CopyTo(string name, TensorElementType elementType, Span<byte> destination)
    {
        if (!_tensors.TryGetValue(name, out StoredTensor? tensor))
        {
            throw new KeyNotFoundException($"{_file.Path} has no tensor {CheckpointFormatException.Quote(name)}.");
        }
        TensorInfo info = tensor.Info;
        long required = info.ElementCount * elementType.SizeInBytes();
        if (destination.Length != required)
        {
            throw new ArgumentException(
                $"{_file.Path}: tensor {CheckpointFormatException.Quote(name)} ({info.ElementType}, {string.Join(" x ", info.Shape)}) as {elementType} "
                    + $"takes {required} bytes; the destination has {destination.Length}.",
                nameof(destination)
            );
        }
        BlockConversion conversion =
            ElementConversion.Find(info.ElementType, elementType)
            ?? throw new ArgumentException(
                $"{_file.Path}: tensor {CheckpointFormatException.Quote(name)} holds {info.ElementType}, which does not convert to {elementType} "
                    + "without loss; float types convert among each other, integer types to wider ones.",
                nameof(elementType)
            );

        if (info.ElementCount == 0)
        {
            return;
        }
        if (tensor.Strides is not null)
        {
            CopyStrided(tensor, tensor.Strides, conversion, elementType.SizeInBytes(), destination);
        }
        else if (info.ElementType == elementType && elementType != TensorElementType.Bool)
        {
            _file.ReadExactly(tensor.Offset, destination);
        }
        else
        {
            CopyConverted(tensor, conversion, elementType.SizeInBytes(), destination);
        }
    }

    private void CopyConverted(StoredTensor tensor, BlockConversion conversion, int destinationSize, Span<byte> destination)
    {
        int sourceSize = tensor.Info.ElementType.SizeInBytes();
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(BlockBytes, tensor.Info.ElementCount * sourceSize));
        try
        {
            long offset = tensor.Offset;
            int elementsPerBlock = BlockBytes / sourceSize;
            while (destination.Length > 0)
            {
                int elements = Math.Min(elementsPerBlock, destination.Length / destinationSize);
                Span<byte> block = buffer.AsSpan(0, elements * sourceSize);
                _file.ReadExactly(offset, block);
                conversion(block, destination[..(elements * destinationSize)]);
                offset += block.Length;
                destination = destination[(elements * destinationSize)..];
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>
    /// A view (transposed, sliced, expanded): its elements are visited in the order in which they lie in the file, the dimension of the
    /// largest stride outermost, so that the file is read forwards through a window, and are scattered to their row-major places in memory.
    /// </summary>
    private void CopyStrided(
        StoredTensor tensor,
        IReadOnlyList<long> strides,
        BlockConversion conversion,
        int destinationSize,
        Span<byte> destination
    )
    {
        (long Size, long Source, long Destination)[] axes = OrderAxes(tensor.Info.Shape, strides);
        int sourceSize = tensor.Info.ElementType.SizeInBytes();
        long lastIndex = axes.Sum(a => (a.Size - 1) * a.Source);
        byte[] raw = ArrayPool<byte>.Shared.Rent(BlockBytes);
        byte[] window = ArrayPool<byte>.Shared.Rent(BlockBytes / sourceSize * destinationSize);
        try
        {
            long[] counters = new long[axes.Length];
            long windowStart = 0;
            long windowEnd = 0;
            int windowElements = SmallestWindowBytes / sourceSize;
            long source = 0;
            long target = 0;
            for (long remaining = tensor.Info.ElementCount; ; )
            {
                if (source < windowStart || source >= windowEnd)
                {
                    // Grows while reading straight on; stays small while jumping, since most of a large window would be wasted.
                    windowElements =
                        source == windowEnd ? Math.Min(2 * windowElements, BlockBytes / sourceSize) : SmallestWindowBytes / sourceSize;
                    int elements = (int)Math.Min(windowElements, lastIndex - source + 1);
                    _file.ReadExactly(tensor.Offset + (source * sourceSize), raw.AsSpan(0, elements * sourceSize));
                    conversion(raw.AsSpan(0, elements * sourceSize), window.AsSpan(0, elements * destinationSize));
                    (windowStart, windowEnd) = (source, source + elements);
                }
                window
                    .AsSpan((int)(source - windowStart) * destinationSize, destinationSize)
                    .CopyTo(destination[(int)(target * destinationSize)..]);
                if (--remaining == 0)
                {
                    break;
                }
                for (int axis = axes.Length - 1; ; axis--)
                {
                    source += axes[axis].Source;
                    target += axes[axis].Destination;
                    if (++counters[axis] < axes[axis].Size)
                    {
                        break;
                    }
                    source -= axes[axis].Size * axes[axis].Source;
                    target -= axes[axis].Size * axes[axis].Destination;
                    counters[axis] = 0;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(raw);
            ArrayPool<byte>.Shared.Return(window);
        }
    }

    private static (long Size, long Source, long Destination)[] OrderAxes(IReadOnlyList<long> shape, IReadOnlyList<long> strides)
    {
        (long Size, long Source, long Destination)[] axes = new (long, long, long)[shape.Count];
        long rowMajor = 1;
        for (int axis = shape.Count - 1; axis >= 0; axis--)
        {
            axes[axis] = (shape[axis], strides[axis], rowMajor);
            rowMajor *= shape[axis];
        }
        return [.. axes.Where(a => a.Size != 1).OrderByDescending(a => a.Source)];
    }
}
