using System.Runtime.CompilerServices;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>The four element types as float64.</summary>
internal static class Numbers<T>
    where T : unmanaged
{
    /// <summary>Half a unit in the last place of the type in which is computed, relative.</summary>
    public static double ComputeRounding => typeof(T) == typeof(double) ? Math.ScaleB(1, -53) : Math.ScaleB(1, -24);

    /// <summary>The smallest number of full precision of the type in which is computed.</summary>
    public static double ComputeSmallest => typeof(T) == typeof(double) ? Math.ScaleB(1, -1022) : Math.ScaleB(1, -126);

    /// <summary>The largest error of rounding to the type: half a unit in the last place, or half the smallest number.</summary>
    public static double OutputRounding(double value) =>
        typeof(T) == typeof(Half) ? Math.Max(Math.Abs(value) * Math.ScaleB(1, -11), Math.ScaleB(1, -25))
        : typeof(T) == typeof(BFloat16) ? Math.Abs(value) * Math.ScaleB(1, -8)
        : 0;

    /// <summary>The largest finite number of the type.</summary>
    public static double Largest =>
        typeof(T) == typeof(double) ? double.MaxValue
        : typeof(T) == typeof(Half) ? (double)Half.MaxValue
        : typeof(T) == typeof(BFloat16) ? Math.ScaleB(255, 120)
        : float.MaxValue;

    /// <summary>A number rounded to the type in which is computed.</summary>
    public static double RoundToCompute(double value) => typeof(T) == typeof(double) ? value : (float)value;

    /// <summary>Whether a number is what it should be: within the tolerance, or infinite where that reaches beyond the type. Where plain
    /// code has NaN anything is right.</summary>
    public static bool AreClose(double found, double right, double tolerance) =>
        found == right
        || Math.Abs(found - right) <= tolerance
        || double.IsNaN(right)
        || double.IsInfinity(found)
            && Math.Sign(found) == Math.Sign(right)
            && Math.Abs(right) + tolerance >= Largest * (1 - Math.ScaleB(1, -12));

    public static double ToDouble(T value) =>
        typeof(T) == typeof(double) ? Unsafe.BitCast<T, double>(value)
        : typeof(T) == typeof(float) ? Unsafe.BitCast<T, float>(value)
        : typeof(T) == typeof(Half) ? (double)Unsafe.BitCast<T, Half>(value)
        : (float)Unsafe.BitCast<T, BFloat16>(value);

    public static T Of(double value) =>
        typeof(T) == typeof(double) ? Unsafe.BitCast<double, T>(value)
        : typeof(T) == typeof(float) ? Unsafe.BitCast<float, T>((float)value)
        : typeof(T) == typeof(Half) ? Unsafe.BitCast<Half, T>((Half)value)
        : Unsafe.BitCast<BFloat16, T>((BFloat16)(float)value);
}
