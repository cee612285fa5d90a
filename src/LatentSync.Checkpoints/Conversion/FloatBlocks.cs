using System.Numerics;
using System.Runtime.InteropServices;

namespace LatentSync.Checkpoints.Conversion;

/// <summary>Applies a format operator to blocks of floats: whole vectors first, then the rest one by one with the same formula.</summary>
internal static class FloatBlocks
{
    /// <summary>32-bit floats to a 16-bit format; two vectors in, one out.</summary>
    public static void Narrow<TOperator>(ReadOnlySpan<byte> source, Span<byte> destination)
        where TOperator : struct, IBitOperator
    {
        ReadOnlySpan<uint> from = MemoryMarshal.Cast<byte, uint>(source);
        Span<ushort> to = MemoryMarshal.Cast<byte, ushort>(destination)[..from.Length];
        int lanes = Vector<uint>.Count;
        int i = 0;
        for (; i <= from.Length - (2 * lanes); i += 2 * lanes)
        {
            Vector<uint> low = TOperator.Apply(new Vector<uint>(from[i..]));
            Vector<uint> high = TOperator.Apply(new Vector<uint>(from[(i + lanes)..]));
            Vector.Narrow(low, high).CopyTo(to[i..]);
        }
        for (; i < from.Length; i++)
        {
            to[i] = (ushort)TOperator.Apply(from[i]);
        }
    }

    /// <summary>A 16-bit format to 32-bit floats; one vector in, two out.</summary>
    public static void Widen<TOperator>(ReadOnlySpan<byte> source, Span<byte> destination)
        where TOperator : struct, IBitOperator
    {
        ReadOnlySpan<ushort> from = MemoryMarshal.Cast<byte, ushort>(source);
        Span<uint> to = MemoryMarshal.Cast<byte, uint>(destination)[..from.Length];
        int lanes = Vector<uint>.Count;
        int i = 0;
        for (; i <= from.Length - (2 * lanes); i += 2 * lanes)
        {
            Vector.Widen(new Vector<ushort>(from[i..]), out Vector<uint> low, out Vector<uint> high);
            TOperator.Apply(low).CopyTo(to[i..]);
            TOperator.Apply(high).CopyTo(to[(i + lanes)..]);
        }
        for (; i < from.Length; i++)
        {
            to[i] = TOperator.Apply(from[i]);
        }
    }

    /// <summary>One 16-bit format to another.</summary>
    public static void Recode<TOperator>(ReadOnlySpan<byte> source, Span<byte> destination)
        where TOperator : struct, IBitOperator
    {
        ReadOnlySpan<ushort> from = MemoryMarshal.Cast<byte, ushort>(source);
        Span<ushort> to = MemoryMarshal.Cast<byte, ushort>(destination)[..from.Length];
        int lanes = Vector<ushort>.Count;
        int i = 0;
        for (; i <= from.Length - lanes; i += lanes)
        {
            Vector.Widen(new Vector<ushort>(from[i..]), out Vector<uint> low, out Vector<uint> high);
            Vector.Narrow(TOperator.Apply(low), TOperator.Apply(high)).CopyTo(to[i..]);
        }
        for (; i < from.Length; i++)
        {
            to[i] = (ushort)TOperator.Apply(from[i]);
        }
    }

    /// <summary>A 16-bit format to 64-bit floats, exact.</summary>
    public static void WidenToDouble<TOperator>(ReadOnlySpan<byte> source, Span<byte> destination)
        where TOperator : struct, IBitOperator
    {
        ReadOnlySpan<ushort> from = MemoryMarshal.Cast<byte, ushort>(source);
        Span<double> to = MemoryMarshal.Cast<byte, double>(destination)[..from.Length];
        for (int i = 0; i < from.Length; i++)
        {
            to[i] = BitConverter.UInt32BitsToSingle(TOperator.Apply(from[i]));
        }
    }

    /// <summary>32-bit floats to 64-bit ones, exact.</summary>
    public static void SingleToDouble(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ReadOnlySpan<float> from = MemoryMarshal.Cast<byte, float>(source);
        Span<double> to = MemoryMarshal.Cast<byte, double>(destination)[..from.Length];
        for (int i = 0; i < from.Length; i++)
        {
            to[i] = from[i];
        }
    }

    /// <summary>64-bit floats to 32-bit ones; the processor rounds to nearest even.</summary>
    public static void DoubleToSingle(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ReadOnlySpan<double> from = MemoryMarshal.Cast<byte, double>(source);
        Span<float> to = MemoryMarshal.Cast<byte, float>(destination)[..from.Length];
        int lanes = Vector<double>.Count;
        int i = 0;
        for (; i <= from.Length - (2 * lanes); i += 2 * lanes)
        {
            Vector.Narrow(new Vector<double>(from[i..]), new Vector<double>(from[(i + lanes)..])).CopyTo(to[i..]);
        }
        for (; i < from.Length; i++)
        {
            to[i] = (float)from[i];
        }
    }

    /// <summary>64-bit floats to a 16-bit format, rounded once.</summary>
    /// <remarks>
    /// Rounding to binary32 and then again could round a near-tie the wrong way. So the first step rounds to odd: an inexact result gets
    /// its last bit set, which tells the second rounding that there was more. (Boldo and Melquiond, "Emulation of FMA and correctly rounded
    /// sums: proved algorithms using rounding to odd", 2008.)
    /// </remarks>
    public static void NarrowDouble<TOperator>(ReadOnlySpan<byte> source, Span<byte> destination)
        where TOperator : struct, IBitOperator
    {
        ReadOnlySpan<double> from = MemoryMarshal.Cast<byte, double>(source);
        Span<ushort> to = MemoryMarshal.Cast<byte, ushort>(destination)[..from.Length];
        for (int i = 0; i < from.Length; i++)
        {
            to[i] = (ushort)TOperator.Apply(RoundToOdd(from[i]));
        }
    }

    private static uint RoundToOdd(double value)
    {
        float nearest = (float)value;
        uint bits = BitConverter.SingleToUInt32Bits(nearest);
        if (nearest == value || double.IsNaN(value))
        {
            return bits;
        }
        bool roundedAway = Math.Abs((double)nearest) > Math.Abs(value);
        return (roundedAway ? bits - 1 : bits) | 1;
    }
}
