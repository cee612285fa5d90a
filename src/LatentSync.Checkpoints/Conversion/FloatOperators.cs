using System.Numerics;

namespace LatentSync.Checkpoints.Conversion;

// Formats, most significant bit first:
//   binary32  s eeeeeeee mmmmmmmmmmmmmmmmmmmmmmm   bias 127
//   bfloat16  s eeeeeeee mmmmmmm                   bias 127: the upper half of a binary32
//   binary16  s eeeee    mmmmmmmmmm                bias 15
// Narrowing rounds to nearest, ties to even. NaN keeps its sign and the upper bits of its payload and becomes quiet, as F16C and
// AVX512-BF16 do it. No step depends on the processor's flush-to-zero mode: denormal float operands are never multiplied or kept.

/// <summary>bfloat16 to binary32, exact: the bits move up.</summary>
internal readonly struct BFloat16ToSingle : IBitOperator
{
    public static uint Apply(uint bits) => bits << 16;

    public static Vector<uint> Apply(Vector<uint> bits) => bits << 16;
}

/// <summary>binary32 to bfloat16: adding 0x7FFF, and one more where the kept part is odd, carries exactly when it must round up.</summary>
internal readonly struct SingleToBFloat16 : IBitOperator
{
    public static uint Apply(uint bits) =>
        (bits & 0x7FFF_FFFF) > 0x7F80_0000 ? (bits >> 16) | 0x40 : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;

    public static Vector<uint> Apply(Vector<uint> bits)
    {
        Vector<uint> upper = bits >> 16;
        Vector<uint> rounded = (bits + new Vector<uint>(0x7FFF) + (upper & Vector<uint>.One)) >> 16;
        Vector<int> isNaN = Vector.GreaterThan(Vector.AsVectorInt32(bits & new Vector<uint>(0x7FFF_FFFF)), new Vector<int>(0x7F80_0000));
        return Vector.ConditionalSelect(Vector.AsVectorUInt32(isNaN), upper | new Vector<uint>(0x40), rounded);
    }
}

/// <summary>binary16 to binary32, exact: the exponent is re-biased; a denormal is normalised by a float subtraction.</summary>
internal readonly struct HalfToSingle : IBitOperator
{
    private const uint ExponentMask = 0x1F << 23;
    private const uint Rebias = (127 - 15) << 23;
    private const uint SmallestNormal = (127 - 14) << 23;

    public static uint Apply(uint bits)
    {
        uint sign = (bits & 0x8000) << 16;
        uint magnitude = (bits & 0x7FFF) << 13;
        uint exponent = magnitude & ExponentMask;
        uint result = magnitude + Rebias;
        if (exponent == ExponentMask)
        {
            result += Rebias + (magnitude > ExponentMask ? (magnitude & 0x40_0000) ^ 0x40_0000 : 0);
        }
        else if (exponent == 0)
        {
            // 2^-14 (1 + m) - 2^-14 = 2^-14 m, computed by the float unit.
            float normalized = BitConverter.UInt32BitsToSingle(result + (1 << 23)) - BitConverter.UInt32BitsToSingle(SmallestNormal);
            result = BitConverter.SingleToUInt32Bits(normalized);
        }
        return result | sign;
    }

    public static Vector<uint> Apply(Vector<uint> bits)
    {
        Vector<uint> sign = (bits & new Vector<uint>(0x8000)) << 16;
        Vector<uint> magnitude = (bits & new Vector<uint>(0x7FFF)) << 13;
        Vector<uint> exponent = magnitude & new Vector<uint>(ExponentMask);
        Vector<uint> normal = magnitude + new Vector<uint>(Rebias);

        Vector<int> isNaN = Vector.GreaterThan(Vector.AsVectorInt32(magnitude), new Vector<int>((int)ExponentMask));
        Vector<uint> special = (normal + new Vector<uint>(Rebias)) | (Vector.AsVectorUInt32(isNaN) & new Vector<uint>(0x40_0000));

        Vector<float> shifted = Vector.AsVectorSingle(normal + new Vector<uint>(1 << 23));
        Vector<uint> denormal = Vector.AsVectorUInt32(shifted - Vector.AsVectorSingle(new Vector<uint>(SmallestNormal)));

        Vector<uint> result = Vector.ConditionalSelect(Vector.Equals(exponent, new Vector<uint>(ExponentMask)), special, normal);
        return Vector.ConditionalSelect(Vector.Equals(exponent, Vector<uint>.Zero), denormal, result) | sign;
    }
}

/// <summary>binary32 to binary16: an integer rounding for normal results; adding 0.5 lets the float unit round the denormal ones.</summary>
internal readonly struct SingleToHalf : IBitOperator
{
    private const uint Infinity = 0x7F80_0000;
    private const uint FirstTooLarge = (127 + 16) << 23;
    private const uint SmallestNormal = (127 - 14) << 23;

    // Subtracts the difference of the biases from the exponent and adds half a unit less one of the last kept place.
    private const uint RebiasAndRound = unchecked((uint)((15 - 127) << 23) + 0xFFF);

    // In [0.5, 1) the last place of a binary32 is 2^-24, which is the last place of a denormal binary16.
    private const uint OneHalf = 0x3F00_0000;

    public static uint Apply(uint bits)
    {
        uint sign = bits & 0x8000_0000;
        uint magnitude = bits ^ sign;
        uint result;
        if (magnitude >= FirstTooLarge)
        {
            result = magnitude > Infinity ? 0x7E00 | ((magnitude >> 13) & 0x1FF) : 0x7C00;
        }
        else if (magnitude < SmallestNormal)
        {
            result = BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle(magnitude) + 0.5f) - OneHalf;
        }
        else
        {
            result = (magnitude + RebiasAndRound + ((magnitude >> 13) & 1)) >> 13;
        }
        return result | (sign >> 16);
    }

    public static Vector<uint> Apply(Vector<uint> bits)
    {
        Vector<uint> sign = bits & new Vector<uint>(0x8000_0000);
        Vector<uint> magnitude = bits ^ sign;
        Vector<int> ordered = Vector.AsVectorInt32(magnitude);
        Vector<uint> upper = magnitude >> 13;

        Vector<uint> normal = (magnitude + new Vector<uint>(RebiasAndRound) + (upper & Vector<uint>.One)) >> 13;
        Vector<uint> denormal =
            Vector.AsVectorUInt32(Vector.AsVectorSingle(magnitude) + new Vector<float>(0.5f)) - new Vector<uint>(OneHalf);
        Vector<uint> isNaN = Vector.AsVectorUInt32(Vector.GreaterThan(ordered, new Vector<int>((int)Infinity)));
        Vector<uint> special = Vector.ConditionalSelect(
            isNaN,
            new Vector<uint>(0x7E00) | (upper & new Vector<uint>(0x1FF)),
            new Vector<uint>(0x7C00)
        );

        Vector<uint> isDenormal = Vector.AsVectorUInt32(Vector.LessThan(ordered, new Vector<int>((int)SmallestNormal)));
        Vector<uint> isSpecial = Vector.AsVectorUInt32(Vector.GreaterThanOrEqual(ordered, new Vector<int>((int)FirstTooLarge)));
        Vector<uint> result = Vector.ConditionalSelect(isDenormal, denormal, normal);
        return Vector.ConditionalSelect(isSpecial, special, result) | (sign >> 16);
    }
}

/// <summary>One conversion after another, through binary32.</summary>
internal readonly struct Then<TFirst, TSecond> : IBitOperator
    where TFirst : struct, IBitOperator
    where TSecond : struct, IBitOperator
{
    public static uint Apply(uint bits) => TSecond.Apply(TFirst.Apply(bits));

    public static Vector<uint> Apply(Vector<uint> bits) => TSecond.Apply(TFirst.Apply(bits));
}
