using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Memory;

/// <summary>Reads rows of any element type and stride into the type of the computation, and writes them back.</summary>
internal static unsafe class RowConversion
{
    /// <summary>Elements that are gathered together from rows with a stride.</summary>
    private const int Piece = 64;

    /// <summary>Reads elements of a row.</summary>
    /// <param name="source">First element.</param>
    /// <param name="dtype">Its type.</param>
    /// <param name="stride">Elements from one to the next.</param>
    /// <param name="destination">Side by side.</param>
    /// <param name="count">Number of elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Read<T>(void* source, AttentionDType dtype, nint stride, T* destination, int count)
        where T : unmanaged
    {
        if (stride != 1)
        {
            ReadStrided(source, dtype, stride, destination, count);
        }
        else if (dtype.Size() == sizeof(T))
        {
            Copy((T*)source, destination, count);
        }
        else
        {
            Widen(source, dtype, (float*)destination, count);
        }
    }

    /// <summary>The reverse of <see cref="Read"/>; rounds to nearest, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Write<T>(T* source, void* destination, AttentionDType dtype, nint stride, int count)
        where T : unmanaged
    {
        if (stride != 1)
        {
            WriteStrided(source, destination, dtype, stride, count);
        }
        else if (dtype.Size() == sizeof(T))
        {
            Copy(source, (T*)destination, count);
        }
        else
        {
            Narrow((float*)source, destination, dtype, count);
        }
    }

    /// <summary>Copies dense elements. Rows are short: a call of the system's copy function costs as much as the copying itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Copy<T>(T* source, T* destination, int count)
        where T : unmanaged
    {
        int w =
            Vector512.IsHardwareAccelerated ? Vector512<T>.Count
            : Vector256.IsHardwareAccelerated ? Vector256<T>.Count
            : Vector128<T>.Count;
        int i = 0;
        for (; i <= count - w; i += w)
        {
            if (Vector512.IsHardwareAccelerated)
            {
                Vector512.Load(source + i).Store(destination + i);
            }
            else if (Vector256.IsHardwareAccelerated)
            {
                Vector256.Load(source + i).Store(destination + i);
            }
            else
            {
                Vector128.Load(source + i).Store(destination + i);
            }
        }
        if (Vector512.IsHardwareAccelerated && i <= count - Vector256<T>.Count)
        {
            Vector256.Load(source + i).Store(destination + i);
            i += Vector256<T>.Count;
        }
        for (; i < count; i++)
        {
            destination[i] = source[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Widen(void* source, AttentionDType dtype, float* destination, int count)
    {
        if (dtype == AttentionDType.Float16)
        {
            TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(source, count), new Span<float>(destination, count));
            return;
        }
        ushort* bits = (ushort*)source;
        int i = 0;
        for (; i <= count - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Load(bits + i));
            (low << 16).AsSingle().Store(destination + i);
            (high << 16).AsSingle().Store(destination + i + Vector256<uint>.Count);
        }
        for (; i < count; i++)
        {
            destination[i] = BitConverter.UInt32BitsToSingle((uint)bits[i] << 16);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow(float* source, void* destination, AttentionDType dtype, int count)
    {
        if (dtype == AttentionDType.Float16)
        {
            TensorPrimitives.ConvertToHalf(new ReadOnlySpan<float>(source, count), new Span<Half>(destination, count));
            return;
        }
        ushort* bits = (ushort*)destination;
        int i = 0;
        for (; i <= count - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            Vector256<uint> low = ToBrain(Vector256.Load(source + i)),
                high = ToBrain(Vector256.Load(source + i + Vector256<float>.Count));
            Vector256.Narrow(low, high).Store(bits + i);
        }
        for (; i < count; i++)
        {
            bits[i] = ToBrain(source[i]);
        }
    }

    /// <summary>The upper half of a float, rounded to nearest, ties to even; NaN stays NaN.</summary>
    private static Vector256<uint> ToBrain(Vector256<float> value)
    {
        Vector256<uint> bits = value.AsUInt32();
        Vector256<uint> rounded = (bits + Vector256.Create(0x7FFFu) + ((bits >>> 16) & Vector256<uint>.One)) >>> 16;
        return Vector256.ConditionalSelect(Vector256.Equals(value, value).AsUInt32(), rounded, Vector256.Create(0x7FC0u));
    }

    private static ushort ToBrain(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)0x7FC0 : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ReadStrided<T>(void* source, AttentionDType dtype, nint stride, T* destination, int count)
        where T : unmanaged
    {
        if (dtype.Size() == sizeof(T))
        {
            for (int i = 0; i < count; i++)
            {
                destination[i] = ((T*)source)[i * stride];
            }
            return;
        }
        ushort* piece = stackalloc ushort[Piece];
        for (int start = 0; start < count; start += Piece)
        {
            int n = Math.Min(Piece, count - start);
            for (int i = 0; i < n; i++)
            {
                piece[i] = ((ushort*)source)[(start + i) * stride];
            }
            Widen(piece, dtype, (float*)destination + start, n);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WriteStrided<T>(T* source, void* destination, AttentionDType dtype, nint stride, int count)
        where T : unmanaged
    {
        if (dtype.Size() == sizeof(T))
        {
            for (int i = 0; i < count; i++)
            {
                ((T*)destination)[i * stride] = source[i];
            }
            return;
        }
        ushort* piece = stackalloc ushort[Piece];
        for (int start = 0; start < count; start += Piece)
        {
            int n = Math.Min(Piece, count - start);
            Narrow((float*)source + start, piece, dtype, n);
            for (int i = 0; i < n; i++)
            {
                ((ushort*)destination)[(start + i) * stride] = piece[i];
            }
        }
    }
}
