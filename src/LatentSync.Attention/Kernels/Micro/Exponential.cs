using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>2ˣ for whole vectors.</summary>
/// <remarks>
/// 1. Reduction: n = round(x) by adding 1.5 · 2^m + bias (m mantissa bits), so that the low bits of the sum are n + bias; f = x - n lies in
///    [-½, ½].
/// 2. Polynomial: 2^f = 1 + f · (c₁ + ...). Float: degree 5, the smallest largest relative error with the first coefficient held at 1 (found
///    by reweighted least squares): 9.1e-8. Double: the Taylor series of exp(f ln 2) to degree 13: 4e-18. That 2⁰ is exactly 1 matters: sums
///    that need no rescaling stay as they are.
/// 3. Reconstruction: those low bits, shifted into the exponent, are 2ⁿ. Below 2^-126.5 (float) the bits are those of zero: a hidden key
///    (-∞) weighs exactly nothing.
/// Rounding by an instruction and scaling by another (VRNDSCALEPS, VSCALEFPS) takes as many operations on AVX-512 and exists nowhere else.
/// </remarks>
internal static class Exponential
{
    /// <summary>log₂ e: weights are powers of two.</summary>
    internal const double Log2E = 1.44269504088896340736;

    /// <summary>ln 2.</summary>
    internal const double Ln2 = 0.693147180559945309417;

    internal const int FloatMantissaBits = 23, DoubleMantissaBits = 52;

    private const double FloatBias = 127, DoubleBias = 1023;

    /// <summary>2ˣ. x above the largest exponent gives garbage: callers subtract a maximum first. NaN gives NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TVector PowerOfTwo<TLanes, TVector, T>(TVector x)
        where TLanes : ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged
    {
        bool isFloat = typeof(T) == typeof(float);
        double bias = isFloat ? FloatBias : DoubleBias;
        TVector round = Constant<TLanes, TVector, T>((isFloat ? 12582912.0 : 6755399441055744.0) + bias); // 1.5 · 2^23, 1.5 · 2^52
        x = TLanes.Max(Constant<TLanes, TVector, T>(-bias), x); // in this order: Max gives its second argument when one is NaN
        TVector shifted = TLanes.Add(x, round);
        TVector f = TLanes.Subtract(x, TLanes.Subtract(shifted, round));
        TVector p = isFloat ? FloatPolynomial<TLanes, TVector, T>(f) : DoublePolynomial<TLanes, TVector, T>(f);
        return TLanes.Multiply(p, TLanes.MantissaToExponent(shifted));
    }

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
        TVector y = TLanes.Multiply(f, Constant<TLanes, TVector, T>(Ln2)), one = Constant<TLanes, TVector, T>(1), p = one;
        for (int k = 13; k > 0; k--)
        {
            p = TLanes.MultiplyAdd(TLanes.Multiply(y, Constant<TLanes, TVector, T>(1.0 / k)), p, one);
        }
        return p;
    }
}
