using System.Numerics;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Operands;

/// <summary>Looks for NaN and infinity in main memory, where a tensor lies and without a copy: their exponent bits are all set.</summary>
internal static unsafe class FiniteScan
{
    /// <summary>Every element is a number.</summary>
    /// <param name="tensor">(B, H, L, D), floating point, any strides.</param>
    internal static bool IsFinite(Tensor tensor)
    {
        nint address = TensorMemory.Address(tensor); // 0 when there is no element
        bool isFinite =
            address == 0
            || tensor.dtype switch
            {
                ScalarType.Float16 => IsFinite<ushort>(tensor, address, 0x7C00),
                ScalarType.BFloat16 => IsFinite<ushort>(tensor, address, 0x7F80),
                ScalarType.Float32 => IsFinite<uint>(tensor, address, 0x7F80_0000),
                _ => IsFinite<ulong>(tensor, address, 0x7FF0_0000_0000_0000),
            };
        GC.KeepAlive(tensor);
        return isFinite;
    }

    private static bool IsFinite<T>(Tensor tensor, nint address, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        // Dimensions from the outer to the inner; one that is broadcast is looked at once. Side by side, they are one span.
        Span<long> sizes = stackalloc long[4],
            strides = stackalloc long[4];
        bool isDense = true;
        long count = 1;
        for (int d = 3; d >= 0; d--)
        {
            (sizes[d], strides[d]) = (tensor.stride(d) == 0 ? 1 : tensor.size(d), tensor.stride(d));
            isDense &= sizes[d] == 1 || strides[d] == count;
            count *= sizes[d];
        }
        T* first = (T*)address;
        if (isDense && count <= int.MaxValue)
        {
            return IsFinite(new ReadOnlySpan<T>(first, (int)count), exponent);
        }
        for (long b = 0; b < sizes[0]; b++)
        {
            for (long h = 0; h < sizes[1]; h++)
            {
                for (long l = 0; l < sizes[2]; l++)
                {
                    T* row = first + b * strides[0] + h * strides[1] + l * strides[2];
                    if (!IsFiniteRow(row, sizes[3], strides[3], exponent))
                    {
                        return false;
                    }
                }
            }
        }
        return true;
    }

    private static bool IsFiniteRow<T>(T* row, long size, long stride, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (stride == 1 || size == 1)
        {
            return IsFinite(new ReadOnlySpan<T>(row, (int)size), exponent);
        }
        for (long d = 0; d < size; d++)
        {
            if ((row[d * stride] & exponent) == exponent)
            {
                return false;
            }
        }
        return true;
    }

    private static bool IsFinite<T>(ReadOnlySpan<T> elements, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        int i = 0;
        if (Vector.IsHardwareAccelerated)
        {
            const int Block = 256; // vectors between two decisions
            var mask = new Vector<T>(exponent);
            while (elements.Length - i >= Vector<T>.Count)
            {
                Vector<T> odd = Vector<T>.Zero;
                for (int k = 0; k < Block && elements.Length - i >= Vector<T>.Count; k++, i += Vector<T>.Count)
                {
                    odd |= Vector.Equals(new Vector<T>(elements[i..]) & mask, mask);
                }
                if (odd != Vector<T>.Zero)
                {
                    return false;
                }
            }
        }
        for (; i < elements.Length; i++)
        {
            if ((elements[i] & exponent) == exponent)
            {
                return false;
            }
        }
        return true;
    }
}
