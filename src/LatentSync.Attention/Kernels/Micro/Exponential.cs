using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>2^(c·x) for whole vectors, x a difference from a maximum.</summary>
/// <remarks>
/// 1. Reduction: n = round(c·x) by adding 1.5 · 2^m + bias (m mantissa bits), so that the low bits of the sum are n + bias;
///    f = c·x - n lies in [-½, ½]. The product is formed inside both multiply-adds and never rounded on its own. Score and maximum must
///    not be multiplied by c one by one and then subtracted: at 10¹⁰ the rounding of c · maximum alone is 512, and the heaviest key would
///    weigh 2⁵¹² or 2⁻⁵¹². x = score - maximum is rounded once, and exactly 0 for the heaviest key; the number of operations is the same.
/// 2. Polynomial: 2^f = 1 + f · (c₁ + ...). Float: degree 5, with the smallest largest relative error of those whose first coefficient is
///    1 (by reweighted least squares): 9.1e-8. Double: the Taylor series of exp(f ln 2) to degree 13: 4e-18. That 2⁰ is exactly 1
///    matters: sums that need no rescaling stay as they are.
/// 3. Reconstruction: those low bits, shifted into the exponent, are 2ⁿ. Where the exponent would be that of the subnormal numbers, the
///    bits are those of zero: a hidden key (-∞) weighs exactly nothing. A smaller bias in the first step gives 2^(n - h) at no cost: the
///    headroom h.
/// An instruction that rounds and another that scales (VRNDSCALEPS, VSCALEFPS) need as many operations on AVX-512 and exist nowhere else.
/// </remarks>
internal static class Exponential
{
    /// <summary>log₂ e: weights are powers of two.</summary>
    internal const double Log2E = 1.44269504088896340736;

    /// <summary>ln 2.</summary>
    internal const double Ln2 = 0.693147180559945309417;

    internal const int FloatMantissaBits = 23,
        DoubleMantissaBits = 52;

    private const double FloatBias = 127,
        DoubleBias = 1023;

    /// <summary>2^(factor · x - headroom). NaN gives NaN.</summary>
    /// <param name="x">At most 0, or little more: far above, the result is garbage. -∞ gives exactly 0.</param>
    /// <param name="factor">Positive.</param>
    /// <param name="least"><see cref="Least"/> of the factor and the headroom.</param>
    /// <param name="round"><see cref="Round"/> of the headroom.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TVector PowerOfTwo<TLanes, TVector, T>(TVector x, TVector factor, TVector least, TVector round)
        where TLanes : ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged
    {
        x = TLanes.Max(least, x); // in this order: Max gives its second argument when one is NaN
        TVector shifted = TLanes.MultiplyAdd(x, factor, round);
        TVector f = TLanes.MultiplyAdd(x, factor, TLanes.Subtract(round, shifted));
        TVector p = typeof(T) == typeof(float) ? FloatPolynomial<TLanes, TVector, T>(f) : DoublePolynomial<TLanes, TVector, T>(f);
        return TLanes.Multiply(p, TLanes.MantissaToExponent(shifted));
    }

    /// <summary>The x from which on downwards 2^(factor · x - headroom) is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TVector Least<TLanes, TVector, T>(double factor, int headroom)
        where TLanes : ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged => Constant<TLanes, TVector, T>((headroom - Bias<T>()) / factor);

    /// <summary>What is added to round a number, and to have its integer part plus the exponent's bias, less the headroom, in the low
    /// bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TVector Round<TLanes, TVector, T>(int headroom)
        where TLanes : ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged =>
        Constant<TLanes, TVector, T>((typeof(T) == typeof(float) ? 12582912.0 : 6755399441055744.0) + Bias<T>() - headroom); // 1.5 · 2^23, 1.5 · 2^52

    /// <summary>A number of the kernel's type in all lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TVector Constant<TLanes, TVector, T>(double value)
        where TLanes : ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged => TLanes.Broadcast(Number<T>(value));

    /// <summary>A number in the kernel's type.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Number<T>(double value)
        where T : unmanaged => typeof(T) == typeof(float) ? Unsafe.BitCast<float, T>((float)value) : Unsafe.BitCast<double, T>(value);

    /// <summary>A number of the kernel's type as double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static double ToDouble<T>(T value)
        where T : unmanaged => typeof(T) == typeof(float) ? Unsafe.BitCast<T, float>(value) : Unsafe.BitCast<T, double>(value);

    private static double Bias<T>()
        where T : unmanaged => typeof(T) == typeof(float) ? FloatBias : DoubleBias;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector FloatPolynomial<TLanes, TVector, T>(TVector f)
        where TLanes : ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged
    {
        TVector p = Constant<TLanes, TVector, T>(0.001326472731307149);
        p = TLanes.MultiplyAdd(p, f, Constant<TLanes, TVector, T>(0.009671512991189957));
        p = TLanes.MultiplyAdd(p, f, Constant<TLanes, TVector, T>(0.05550733581185341));
        p = TLanes.MultiplyAdd(p, f, Constant<TLanes, TVector, T>(0.24022242426872253));
        p = TLanes.MultiplyAdd(p, f, Constant<TLanes, TVector, T>(0.6931470036506653));
        return TLanes.MultiplyAdd(p, f, Constant<TLanes, TVector, T>(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector DoublePolynomial<TLanes, TVector, T>(TVector f)
        where TLanes : ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged
    {
        // Horner in y = f ln 2: 1 + y (1 + y/2 (1 + y/3 (... (1 + y/13)))).
        TVector y = TLanes.Multiply(f, Constant<TLanes, TVector, T>(Ln2)),
            one = Constant<TLanes, TVector, T>(1),
            p = one;
        for (int k = 13; k > 0; k--)
        {
            p = TLanes.MultiplyAdd(TLanes.Multiply(y, Constant<TLanes, TVector, T>(1.0 / k)), p, one);
        }
        return p;
    }
}
