using System.Numerics;
using System.Runtime.InteropServices;
using LatentSync.Checkpoints.Conversion;
using static System.BitConverter;

namespace LatentSync.Checkpoints.Tests;

[Trait("Category", "Exhaustive")]
public sealed class ElementConversionTests
{
    private static readonly ushort[] AllPatterns = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];

    [Fact]
    public void HalfToSingle_AllPatterns_EqualsTheRuntime() =>
        Compare<ushort, uint>(
            AllPatterns,
            TensorElementType.Float16,
            TensorElementType.Float32,
            h => SingleToUInt32Bits((float)UInt16BitsToHalf(h)),
            IsNaN32
        );

    [Fact]
    public void HalfToDouble_AllPatterns_EqualsTheRuntime() =>
        Compare<ushort, ulong>(
            AllPatterns,
            TensorElementType.Float16,
            TensorElementType.Float64,
            h => DoubleToUInt64Bits((double)UInt16BitsToHalf(h)),
            IsNaN64
        );

    [Fact]
    public void BFloat16ToSingle_AllPatterns_AreTheUpperHalf() =>
        Compare<ushort, uint>(AllPatterns, TensorElementType.BFloat16, TensorElementType.Float32, b => (uint)b << 16, _ => false);

    [Fact]
    public void BFloat16ToDouble_AllPatterns_EqualsTheRuntime() =>
        Compare<ushort, ulong>(
            AllPatterns,
            TensorElementType.BFloat16,
            TensorElementType.Float64,
            b => DoubleToUInt64Bits(UInt32BitsToSingle((uint)b << 16)),
            IsNaN64
        );

    [Fact]
    public void HalfToBFloat16_AllPatterns_RoundsToNearestEven() =>
        Compare<ushort, ushort>(
            AllPatterns,
            TensorElementType.Float16,
            TensorElementType.BFloat16,
            h => NearestBFloat16((double)UInt16BitsToHalf(h)),
            IsNaNBrain
        );

    [Fact]
    public void BFloat16ToHalf_AllPatterns_EqualsTheRuntime() =>
        Compare<ushort, ushort>(
            AllPatterns,
            TensorElementType.BFloat16,
            TensorElementType.Float16,
            b => HalfToUInt16Bits((Half)UInt32BitsToSingle((uint)b << 16)),
            IsNaN16
        );

    [Fact]
    public void SingleToHalf_InterestingAndRandomPatterns_EqualsTheRuntime() =>
        Compare<uint, ushort>(
            Singles(),
            TensorElementType.Float32,
            TensorElementType.Float16,
            s => HalfToUInt16Bits((Half)UInt32BitsToSingle(s)),
            IsNaN16
        );

    [Fact]
    public void SingleToBFloat16_InterestingAndRandomPatterns_RoundsToNearestEven() =>
        Compare<uint, ushort>(
            Singles(),
            TensorElementType.Float32,
            TensorElementType.BFloat16,
            s => NearestBFloat16(UInt32BitsToSingle(s)),
            IsNaNBrain
        );

    [Fact]
    public void SingleToDouble_RandomPatterns_IsExact() =>
        Compare<uint, ulong>(
            Singles(),
            TensorElementType.Float32,
            TensorElementType.Float64,
            s => DoubleToUInt64Bits(UInt32BitsToSingle(s)),
            IsNaN64
        );

    [Fact]
    public void DoubleToSingle_InterestingAndRandomPatterns_EqualsTheRuntime() =>
        Compare<ulong, uint>(
            Doubles(),
            TensorElementType.Float64,
            TensorElementType.Float32,
            d => SingleToUInt32Bits((float)UInt64BitsToDouble(d)),
            IsNaN32
        );

    [Fact]
    public void DoubleToHalf_InterestingAndRandomPatterns_RoundsOnce() =>
        Compare<ulong, ushort>(
            Doubles(),
            TensorElementType.Float64,
            TensorElementType.Float16,
            d => HalfToUInt16Bits((Half)UInt64BitsToDouble(d)),
            IsNaN16
        );

    [Fact]
    public void DoubleToBFloat16_InterestingAndRandomPatterns_RoundsOnce() =>
        Compare<ulong, ushort>(
            Doubles(),
            TensorElementType.Float64,
            TensorElementType.BFloat16,
            d => NearestBFloat16(UInt64BitsToDouble(d)),
            IsNaNBrain
        );

    [Theory]
    [InlineData(TensorElementType.BFloat16, 1.0 + (1.0 / 256) + 1e-12, 0x3F81)] // just above a tie: twice rounded it would be 0x3F80
    [InlineData(TensorElementType.BFloat16, 1.0 + (1.0 / 256), 0x3F80)]
    [InlineData(TensorElementType.Float16, 1.0 + (1.0 / 2048) + 1e-12, 0x3C01)]
    [InlineData(TensorElementType.Float16, 1.0 + (1.0 / 2048), 0x3C00)]
    [InlineData(TensorElementType.Float16, 65519.99, 0x7BFF)]
    [InlineData(TensorElementType.Float16, 65520.0, 0x7C00)]
    [InlineData(TensorElementType.BFloat16, 1e300, 0x7F80)]
    [InlineData(TensorElementType.BFloat16, -1e-300, 0x8000)]
    public void DoubleToShort_NearTie_RoundsOnce(TensorElementType type, double value, int expected)
    {
        ushort[] result = Convert<double, ushort>([value], TensorElementType.Float64, type);
        Assert.Equal(expected, result[0]);
    }

    [Fact]
    public void Find_IntegerPairs_ConvertExactlyWhereTheTargetHoldsAllValues()
    {
        Assert.Equal([-128, 127, 0], Convert<sbyte, long>([-128, 127, 0], TensorElementType.Int8, TensorElementType.Int64));
        Assert.Equal([-128, 127], Convert<sbyte, short>([-128, 127], TensorElementType.Int8, TensorElementType.Int16));
        Assert.Equal([-128, 127], Convert<sbyte, int>([-128, 127], TensorElementType.Int8, TensorElementType.Int32));
        Assert.Equal([255, 0], Convert<byte, short>([255, 0], TensorElementType.UInt8, TensorElementType.Int16));
        Assert.Equal([255, 0], Convert<byte, int>([255, 0], TensorElementType.UInt8, TensorElementType.Int32));
        Assert.Equal([255, 0], Convert<byte, long>([255, 0], TensorElementType.UInt8, TensorElementType.Int64));
        Assert.Equal([short.MinValue], Convert<short, int>([short.MinValue], TensorElementType.Int16, TensorElementType.Int32));
        Assert.Equal([short.MinValue], Convert<short, long>([short.MinValue], TensorElementType.Int16, TensorElementType.Int64));
        Assert.Equal([int.MinValue], Convert<int, long>([int.MinValue], TensorElementType.Int32, TensorElementType.Int64));
    }

    [Fact]
    public void Find_BoolFromAnyByte_BecomesZeroOrOne()
    {
        byte[] stored = [0, 1, 2, 255];
        Assert.Equal([0, 1, 1, 1], Convert<byte, byte>(stored, TensorElementType.Bool, TensorElementType.Bool));
        Assert.Equal([0, 1, 1, 1], Convert<byte, byte>(stored, TensorElementType.Bool, TensorElementType.UInt8));
        Assert.Equal([0, 1, 1, 1], Convert<byte, sbyte>(stored, TensorElementType.Bool, TensorElementType.Int8));
        Assert.Equal([0, 1, 1, 1], Convert<byte, short>(stored, TensorElementType.Bool, TensorElementType.Int16));
        Assert.Equal([0, 1, 1, 1], Convert<byte, int>(stored, TensorElementType.Bool, TensorElementType.Int32));
        Assert.Equal([0, 1, 1, 1], Convert<byte, long>(stored, TensorElementType.Bool, TensorElementType.Int64));
    }

    [Fact]
    public void Find_EveryPair_ExistsExactlyWhereNothingButFloatRoundingIsLost()
    {
        TensorElementType[] floats =
        [
            TensorElementType.Float64,
            TensorElementType.Float32,
            TensorElementType.Float16,
            TensorElementType.BFloat16,
        ];
        foreach (TensorElementType from in Enum.GetValues<TensorElementType>())
        {
            foreach (TensorElementType to in Enum.GetValues<TensorElementType>())
            {
                bool expected =
                    from == to
                    || (floats.Contains(from), floats.Contains(to)) switch
                    {
                        (true, true) => true,
                        (false, false) => to != TensorElementType.Bool
                            && (from == TensorElementType.Bool || to.SizeInBytes() > from.SizeInBytes()),
                        _ => false,
                    };
                Assert.True(expected == ElementConversion.Find(from, to) is not null, $"{from} -> {to}");
            }
        }
    }

    private static void Compare<TFrom, TTo>(
        TFrom[] source,
        TensorElementType from,
        TensorElementType to,
        Func<TFrom, TTo> expected,
        Func<TTo, bool> isNaN
    )
        where TFrom : unmanaged
        where TTo : unmanaged, IBinaryInteger<TTo>
    {
        // Every alignment of the vector loop against the data, so that each pattern is seen by the vector and by the scalar formula.
        foreach (int skip in new[] { 0, 1, 7 })
        {
            TTo[] actual = Convert<TFrom, TTo>(source[skip..], from, to);
            for (int i = 0; i < actual.Length; i++)
            {
                Check(source[skip + i], actual[i]);
            }
        }
        for (int i = 0; i < Math.Min(source.Length, 65536); i++)
        {
            Check(source[i], Convert<TFrom, TTo>([source[i]], from, to)[0]);
        }

        void Check(TFrom input, TTo actual)
        {
            TTo wanted = expected(input);
            bool equal = isNaN(wanted) ? isNaN(actual) : wanted == actual;
            Assert.True(equal, $"{from} {input:x} -> {to}: expected {wanted:x}, actual {actual:x}");
        }
    }

    private static TTo[] Convert<TFrom, TTo>(TFrom[] source, TensorElementType from, TensorElementType to)
        where TFrom : unmanaged
        where TTo : unmanaged
    {
        TTo[] destination = new TTo[source.Length];
        ElementConversion.Find(from, to)!(MemoryMarshal.AsBytes<TFrom>(source), MemoryMarshal.AsBytes(destination.AsSpan()));
        return destination;
    }

    /// <summary>The nearest bfloat16 by search over all of them: of two equally near ones the even one.</summary>
    private static ushort NearestBFloat16(double value)
    {
        if (double.IsNaN(value))
        {
            return 0x7FC0;
        }
        double magnitude = Math.Abs(value);
        int low = 0;
        int high = 0x7F80;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            (low, high) = Value(middle) <= magnitude ? (middle, high) : (low, middle);
        }
        double below = magnitude - Value(low);
        double above = Value(high) - magnitude;
        int nearest = double.IsInfinity(magnitude) || above < below || (above == below && (high & 1) == 0) ? high : low;
        return (ushort)(nearest | (double.IsNegative(value) ? 0x8000 : 0));

        // Infinity counts as the number that would follow the largest.
        static double Value(int bits) => bits == 0x7F80 ? Math.ScaleB(1, 128) : UInt32BitsToSingle((uint)bits << 16);
    }

    private static uint[] Singles()
    {
        Random random = new(1);
        HashSet<uint> patterns = [];
        foreach (uint upper in AllPatterns)
        {
            // All upper halves with the lower halves around a tie of bfloat16, and those around a tie of binary16.
            patterns.UnionWith([
                upper << 16,
                (upper << 16) | 0x7FFF,
                (upper << 16) | 0x8000,
                (upper << 16) | 0x8001,
                (upper << 16) | 0x1000,
                (upper << 16) | (uint)random.Next(65536),
            ]);
        }
        return [.. patterns];
    }

    private static ulong[] Doubles()
    {
        Random random = new(2);
        List<ulong> patterns = [];
        foreach (uint single in Singles().Where((_, i) => i % 5 == 0))
        {
            ulong bits = DoubleToUInt64Bits(UInt32BitsToSingle(single));
            patterns.AddRange([bits, bits + 1, bits - 1, (ulong)random.NextInt64(long.MinValue, long.MaxValue)]);
        }
        return [.. patterns];
    }

    private static bool IsNaN16(ushort bits) => (bits & 0x7FFF) > 0x7C00;

    private static bool IsNaNBrain(ushort bits) => (bits & 0x7FFF) > 0x7F80;

    private static bool IsNaN32(uint bits) => float.IsNaN(UInt32BitsToSingle(bits));

    private static bool IsNaN64(ulong bits) => double.IsNaN(UInt64BitsToDouble(bits));
}
