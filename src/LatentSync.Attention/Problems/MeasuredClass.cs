using System.Numerics;

namespace LatentSync.Attention.Problems;

/// <summary>Problems among which the same backends are expected to be fast: a <see cref="ProblemClass"/> of about the same lengths. Key of
/// measured rankings: the fastest kernel for 16 frames is not the fastest for 4096 tokens.</summary>
/// <param name="Class">What kernels tell apart.</param>
/// <param name="QueryClass">Lq lies above 2^(this - 1) and at most at 2^this; 0 for Lq of 0 and 1.</param>
/// <param name="KeyClass">The same of Lk.</param>
public readonly record struct MeasuredClass(ProblemClass Class, int QueryClass, int KeyClass)
{
    /// <summary>The class of a problem.</summary>
    /// <param name="problem">The problem.</param>
    public static MeasuredClass Of(in AttentionProblem problem) =>
        new(ProblemClass.Of(problem), LengthClass(problem.QueryLength), LengthClass(problem.KeyLength));

    /// <summary>How many doublings lie between the lengths; null when the problems differ in more than that.</summary>
    /// <param name="other">Another class.</param>
    public int? DistanceTo(MeasuredClass other) =>
        Class == other.Class ? Math.Abs(QueryClass - other.QueryClass) + Math.Abs(KeyClass - other.KeyClass) : null;

    private static int LengthClass(int length) => length <= 1 ? 0 : BitOperations.Log2((uint)(length - 1)) + 1;
}
