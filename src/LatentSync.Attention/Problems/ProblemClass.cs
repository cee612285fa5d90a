namespace LatentSync.Attention.Problems;

/// <summary>Problems that a kernel treats alike: a failure in one is expected in all. Key of the quarantine and of measured
/// rankings.</summary>
/// <param name="Device">Where it runs.</param>
/// <param name="DType">Element type.</param>
/// <param name="HeadDimClass">Upper bound of the head dim's class: 32, 64, 96, 128, 160, 192, 224, 256 (the sizes FlashAttention-2's
/// kernels are compiled for) or <see cref="int.MaxValue"/>.</param>
/// <param name="SameValueDim">Value dim equals head dim.</param>
/// <param name="Mask">Kind of mask.</param>
/// <param name="IsCausal">Causal.</param>
/// <param name="IsShifted">Causal, bottom-right, with Lq ≠ Lk; or with a window.</param>
/// <param name="IsGrouped">Grouped-query attention.</param>
/// <param name="IsEmpty">A side of length 0.</param>
/// <param name="HasDropout">With dropout.</param>
/// <param name="HasSoftcap">With softcap.</param>
/// <param name="NeedsGradient">Training.</param>
public readonly record struct ProblemClass(
    AttentionDevice Device,
    AttentionDType DType,
    int HeadDimClass,
    bool SameValueDim,
    AttentionMaskKind Mask,
    bool IsCausal,
    bool IsShifted,
    bool IsGrouped,
    bool IsEmpty,
    bool HasDropout,
    bool HasSoftcap,
    bool NeedsGradient
)
{
    private static readonly int[] HeadDimBounds = [32, 64, 96, 128, 160, 192, 224, 256];

    /// <summary>The class of a problem.</summary>
    /// <param name="problem">The problem.</param>
    public static ProblemClass Of(in AttentionProblem problem)
    {
        int largest = Math.Max(problem.HeadDim, problem.ValueDim),
            bound = int.MaxValue;
        foreach (int candidate in HeadDimBounds)
        {
            if (largest <= candidate)
            {
                bound = candidate;
                break;
            }
        }
        return new ProblemClass(
            problem.Device,
            problem.DType,
            bound,
            problem.HeadDim == problem.ValueDim,
            problem.Mask.Kind,
            problem.IsCausal,
            problem.IsShiftedCausal || problem.HasWindow,
            problem.IsGrouped,
            problem.IsEmpty,
            problem.Dropout > 0,
            problem.Softcap > 0,
            problem.NeedsGradient
        );
    }
}
