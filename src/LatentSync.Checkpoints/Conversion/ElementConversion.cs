using System.Numerics;
using System.Runtime.InteropServices;
using Element = LatentSync.Checkpoints.TensorElementType;

namespace LatentSync.Checkpoints.Conversion;

/// <summary>Converts a block of elements; both spans hold the same number of elements.</summary>
internal delegate void BlockConversion(ReadOnlySpan<byte> source, Span<byte> destination);

/// <summary>Which element types convert into which, and how.</summary>
internal static class ElementConversion
{
    /// <summary>The conversion, or null where it would lose information other than by float rounding.</summary>
    public static BlockConversion? Find(TensorElementType from, TensorElementType to) =>
        (from, to) switch
        {
            // A stored bool may be any byte; one that leaves here is 0 or 1.
            (Element.Bool, Element.Bool or Element.UInt8 or Element.Int8) => NormalizeBool,
            (Element.Bool, Element.Int16) => WidenBools<short>,
            (Element.Bool, Element.Int32) => WidenBools<int>,
            (Element.Bool, Element.Int64) => WidenBools<long>,
            _ when from == to => (s, d) => s.CopyTo(d),

            (Element.Float32, Element.BFloat16) => FloatBlocks.Narrow<SingleToBFloat16>,
            (Element.Float32, Element.Float16) => FloatBlocks.Narrow<SingleToHalf>,
            (Element.Float32, Element.Float64) => FloatBlocks.SingleToDouble,
            (Element.BFloat16, Element.Float32) => FloatBlocks.Widen<BFloat16ToSingle>,
            (Element.BFloat16, Element.Float16) => FloatBlocks.Recode<Then<BFloat16ToSingle, SingleToHalf>>,
            (Element.BFloat16, Element.Float64) => FloatBlocks.WidenToDouble<BFloat16ToSingle>,
            (Element.Float16, Element.Float32) => FloatBlocks.Widen<HalfToSingle>,
            (Element.Float16, Element.BFloat16) => FloatBlocks.Recode<Then<HalfToSingle, SingleToBFloat16>>,
            (Element.Float16, Element.Float64) => FloatBlocks.WidenToDouble<HalfToSingle>,
            (Element.Float64, Element.Float32) => FloatBlocks.DoubleToSingle,
            (Element.Float64, Element.Float16) => FloatBlocks.NarrowDouble<SingleToHalf>,
            (Element.Float64, Element.BFloat16) => FloatBlocks.NarrowDouble<SingleToBFloat16>,

            (Element.UInt8, Element.Int16) => WidenIntegers<byte, short>,
            (Element.UInt8, Element.Int32) => WidenIntegers<byte, int>,
            (Element.UInt8, Element.Int64) => WidenIntegers<byte, long>,
            (Element.Int8, Element.Int16) => WidenIntegers<sbyte, short>,
            (Element.Int8, Element.Int32) => WidenIntegers<sbyte, int>,
            (Element.Int8, Element.Int64) => WidenIntegers<sbyte, long>,
            (Element.Int16, Element.Int32) => WidenIntegers<short, int>,
            (Element.Int16, Element.Int64) => WidenIntegers<short, long>,
            (Element.Int32, Element.Int64) => WidenIntegers<int, long>,
            _ => null,
        };

    private static void NormalizeBool(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        for (int i = 0; i < source.Length; i++)
        {
            destination[i] = source[i] == 0 ? (byte)0 : (byte)1;
        }
    }

    private static void WidenBools<TTo>(ReadOnlySpan<byte> source, Span<byte> destination)
        where TTo : unmanaged, INumberBase<TTo>
    {
        Span<TTo> to = MemoryMarshal.Cast<byte, TTo>(destination);
        for (int i = 0; i < source.Length; i++)
        {
            to[i] = source[i] == 0 ? TTo.Zero : TTo.One;
        }
    }

    private static void WidenIntegers<TFrom, TTo>(ReadOnlySpan<byte> source, Span<byte> destination)
        where TFrom : unmanaged, INumberBase<TFrom>
        where TTo : unmanaged, INumberBase<TTo>
    {
        ReadOnlySpan<TFrom> from = MemoryMarshal.Cast<byte, TFrom>(source);
        Span<TTo> to = MemoryMarshal.Cast<byte, TTo>(destination);
        for (int i = 0; i < from.Length; i++)
        {
            to[i] = TTo.CreateTruncating(from[i]);
        }
    }
}
