using LatentSync.Attention.Problems;

namespace LatentSync.Lab.Verification;

/// <summary>How far from float64 a backend may be, per row: |actual - expected| / |expected|.</summary>
/// <remarks>
/// The operands are standard normal, so a score is about 1 and at most 8 or so. A weight's relative error is the absolute error of its
/// score plus that of the exponential: a handful of roundings u of the compute type times the score, and 2^-20 at worst where a kernel
/// approximates the exponential with 20 bits. Errors of different weights are independent and average out over the row: libtorch's
/// kernels have 30 u of float32 in the worst of 100 000 rows. The bound is 128 u (2^-17), which a missing or doubled key (1/√Lk, 0.016 for
/// 4096 keys) exceeds two thousand times. From 4096 keys on it is 2 √Lk u: the result is a mean of Lk values of random sign, so it
/// shrinks as 1/√Lk against what is rounded on the way (measured with 131 072 keys: 260 u). With 16 bits the weights are rounded once and
/// the result once: 2 u of storage, with a factor of 2 for the worst of many rows. float64 is compared with itself by another order of
/// operations.
/// </remarks>
public static class Tolerances
{
    /// <summary>The bound for a problem.</summary>
    /// <param name="problem">The problem.</param>
    public static double Of(in AttentionProblem problem)
    {
        double compute = Math.Pow(2, problem.DType == AttentionDType.Float64 ? -53 : -24);
        double summation = Math.Max(128, 2 * Math.Sqrt(problem.KeyLength)) * compute;
        return problem.DType switch
        {
            AttentionDType.Float64 => 2 * summation,
            AttentionDType.Float32 => summation,
            AttentionDType.Float16 => 4 * Math.Pow(2, -11),
            _ => 4 * Math.Pow(2, -8),
        };
    }

    /// <summary>The bound of a gradient's error, relative to the row or to its head's root mean square row: four times that of the result,
    /// for the scores' gradient is a difference of two sums of about the same size, and a gradient sums over rows what each row has
    /// rounded.
    /// </summary>
    /// <param name="problem">The problem.</param>
    public static double OfGradient(in AttentionProblem problem) => 4 * Of(problem);
}
