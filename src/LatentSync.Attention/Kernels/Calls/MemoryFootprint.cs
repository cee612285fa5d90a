namespace LatentSync.Attention.Kernels.Calls;

/// <summary>Which bytes a tensor of up to 4 dimensions touches.</summary>
/// <param name="address">Of the first element.</param>
/// <param name="lengths">Elements along each dimension, at least 1.</param>
/// <param name="strides">Elements from one to the next, at least 0.</param>
/// <param name="elementSize">Bytes of an element.</param>
internal readonly unsafe ref struct MemoryFootprint(void* address, ReadOnlySpan<nint> lengths, ReadOnlySpan<nint> strides, int elementSize)
{
    private readonly nint _address = (nint)address;
    private readonly ReadOnlySpan<nint> _lengths = lengths;
    private readonly ReadOnlySpan<nint> _strides = strides;
    private readonly int _elementSize = elementSize;

    private bool IsEmpty => _address == 0 || _lengths.Contains(0);

    /// <summary>Whether some byte belongs to both. Interleaved tensors, such as the heads' parts of one buffer, are recognised as separate
    /// when they share a period.</summary>
    /// <remarks>The GCD test that compilers use for dependences between loops: where all strides from some size on are multiples of g,
    /// both tensors are intervals modulo g, and intervals that do not overlap there overlap nowhere. May report an overlap where there is
    /// none; never misses one.</remarks>
    internal bool Overlaps(in MemoryFootprint other)
    {
        if (IsEmpty || other.IsEmpty)
        {
            return false;
        }
        nint distance = other._address - _address;
        if (distance >= Bytes(nint.MaxValue) || -distance >= other.Bytes(nint.MaxValue))
        {
            return false;
        }
        return !AreApartByPeriod(other, distance, this) && !AreApartByPeriod(other, distance, other);
    }

    /// <summary>Tries each stride of a tensor as the smallest that belongs to the period.</summary>
    private bool AreApartByPeriod(in MemoryFootprint other, nint distance, in MemoryFootprint origin)
    {
        for (int i = 0; i < origin._strides.Length; i++)
        {
            nint smallest = origin._strides[i] * origin._elementSize;
            nint period = Divisor(this, smallest, Divisor(other, smallest, 0));
            if (period == 0)
            {
                continue;
            }
            nint own = Bytes(smallest),
                others = other.Bytes(smallest);
            nint offset = distance % period;
            offset = offset < 0 ? offset + period : offset;
            if (offset >= own && offset + others <= period)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Greatest common divisor of the strides from a size on.</summary>
    private static nint Divisor(in MemoryFootprint tensor, nint smallest, nint divisor)
    {
        for (int i = 0; i < tensor._strides.Length; i++)
        {
            nint stride = tensor._strides[i] * tensor._elementSize;
            if (tensor._lengths[i] > 1 && stride >= smallest)
            {
                while (stride != 0)
                {
                    (divisor, stride) = (stride, divisor % stride);
                }
            }
        }
        return divisor;
    }

    /// <summary>Bytes from the first to the last one, counting only strides below a size.</summary>
    private nint Bytes(nint below)
    {
        nint bytes = _elementSize;
        for (int i = 0; i < _strides.Length; i++)
        {
            nint stride = _strides[i] * _elementSize;
            bytes += stride < below ? (_lengths[i] - 1) * stride : 0;
        }
        return bytes;
    }
}
