using LatentSync.Attention.Problems;
using LatentSync.Attention.Wording;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Rules;

/// <summary>What the rules of libtorch's fused kernels have in common: limits, facts about libtorch's versions, short predicates.</summary>
internal static class FusedRules
{
    /// <summary>Blocks a CUDA launch can have along one axis.</summary>
    public const int LaunchLimit = 65_535;

    /// <summary>Source of rules that were read in libtorch's selector for CUDA.</summary>
    internal const string CudaSource = "libtorch 2.10, cuda/sdp_utils.cpp; read, not yet run on a GPU";

    /// <summary>The newest compute capability that the fused kernels of a libtorch accept: 9.0 before 2.7, 12.0 in 2.7, 12.1
    /// since.</summary>
    /// <remarks>cuda/sdp_utils.cpp of 2.5 and 2.9 was read; 2.7's bound is from memory.</remarks>
    internal static int NewestCapability(in ConstraintSubject subject) =>
        subject.LibTorchIsOlderThan(2, 7) ? 90
        : subject.LibTorchIsOlderThan(2, 8) ? 120
        : 121;

    /// <summary>The GPU is outside a range of compute capabilities; what it is.</summary>
    /// <param name="subject">The subject.</param>
    /// <param name="oldest">10·major + minor.</param>
    internal static Finding? OutsideCapabilities(in ConstraintSubject subject, int oldest)
    {
        if (subject.Capability is not { } capability || capability >= oldest && capability <= NewestCapability(subject))
        {
            return null;
        }
        Finding gpu = Finding.Of("{0}, compute capability {1}", subject.Gpu!.Name, subject.Gpu.ComputeCapability);
        return capability < oldest || NewestCapability(subject) == 121
            ? gpu
            : Finding.Of(
                "{0}; libtorch {1} goes up to {2}",
                gpu,
                subject.Machine.LibTorch!.Version,
                NewestCapability(subject) == 90 ? "9.0" : "12.0"
            );
    }

    /// <summary>libtorch is older than a version; which one it is.</summary>
    internal static Finding? OlderLibTorch(in ConstraintSubject subject, int major, int minor) =>
        subject.LibTorchIsOlderThan(major, minor) ? Finding.Verbatim($"libtorch {subject.Machine.LibTorch!.Version}") : null;

    /// <summary>Two quantities: "headDim 40, valueDim 80".</summary>
    internal static Finding Pair(string first, double firstValue, string second, double secondValue) =>
        Finding.Verbatim(
            $"{Finding.Number(first, firstValue).In(Language.English)}, {Finding.Number(second, secondValue).In(Language.English)}"
        );

    /// <summary>Sequences x heads when one launch on a GPU cannot have so many, else null.</summary>
    internal static Finding? BeyondOneLaunch(in ConstraintSubject subject) =>
        ExceedsOneLaunch(subject.Problem) ? Finding.Of("batch x heads {0}", (long)subject.Problem.Batch * subject.Problem.HeadCount) : null;

    /// <summary>Whether a call on a GPU has to be split.</summary>
    internal static bool ExceedsOneLaunch(in AttentionProblem problem) =>
        problem.Device.Kind == AttentionDeviceKind.Cuda && (long)problem.Batch * problem.HeadCount > LaunchLimit;

    /// <summary>Nothing to attend to, or nobody attends.</summary>
    internal static Finding? NoLength(in ConstraintSubject subject) =>
        subject.Problem.QueryLength == 0 || subject.Problem.KeyLength == 0
            ? Pair("Lq", subject.Problem.QueryLength, "Lk", subject.Problem.KeyLength)
            : null;

    /// <summary>Operands whose last dimension has another stride than 1.</summary>
    /// <param name="subject">The subject.</param>
    /// <param name="ignoresOne">A query of one element per vector may have any stride.</param>
    internal static Finding? OtherStride(in ConstraintSubject subject, bool ignoresOne) =>
        subject.Problem.Strided != AttentionOperands.None && !(ignoresOne && subject.Problem.HeadDim == 1)
            ? Finding.Of("{0} with another stride", subject.Problem.Strided)
            : null;

    /// <summary>The causal diagonal or a window that a kernel has no flag for; which.</summary>
    internal static Finding? ShapedMask(in ConstraintSubject subject) =>
        subject.Problem.HasWindow ? Finding.Of("a window")
        : subject.Problem.IsShiftedCausal ? Finding.Of("causal bottom-right")
        : null;

    /// <summary>Whether the diagonal and the window become part of the mask, for kernels that have a top-left causal flag and nothing else,
    /// and take no mask beside it. Rules, estimates and runners must agree on it.</summary>
    internal static bool MergesCausal(in AttentionProblem problem) =>
        problem.IsShiftedCausal || problem.HasWindow || problem is { IsCausal: true, Mask.Kind: not AttentionMaskKind.None };

    /// <summary>A mask beside the causal flag.</summary>
    internal static Finding? MaskWithCausal(in ConstraintSubject subject) =>
        subject is { HasMask: true, Problem.IsCausal: true } ? Finding.Of("a mask with causal") : null;

    /// <summary>A mask whose rows' elements are not side by side.</summary>
    internal static Finding? MaskWithOtherStride(in ConstraintSubject subject) =>
        subject is { HasMask: true, Problem.Mask.IsStrided: true } ? Finding.Of("a mask with another stride") : null;

    /// <summary>A mask that cannot be added as it is: boolean, or of another type than the query.</summary>
    internal static Finding? MaskOfOtherType(in ConstraintSubject subject) =>
        !subject.HasMask ? null
        : subject.Problem.Mask.Kind == AttentionMaskKind.Boolean ? Finding.Of("a boolean mask")
        : subject.Problem.Mask.DType != subject.Problem.DType
            ? Finding.Of("{0} with a {1} mask", subject.Problem.DType.LongName(), subject.Problem.Mask.DType.LongName())
        : null;

    /// <summary>An additive mask that a 16-bit query's type cannot hold: -1e9 would be -∞ in float16, and bfloat16 would round
    /// it.</summary>
    internal static Finding? MaskOfMoreThanTheQuery(in ConstraintSubject subject) =>
        subject.Problem.Mask.Kind == AttentionMaskKind.Additive && subject.Problem.DType.Size() == 2 ? MaskOfOtherType(subject) : null;

    /// <summary>A mask that is broadcast along the keys.</summary>
    internal static Finding? MaskWithoutColumns(in ConstraintSubject subject) =>
        subject.HasMask && subject.Problem.Mask.Columns != subject.Problem.KeyLength
            ? Finding.Of("a mask of {0} columns for {1} keys", subject.Problem.Mask.Columns, subject.Problem.KeyLength)
            : null;

    /// <summary>A size rounded up to a multiple.</summary>
    internal static long RoundUp(int size, int multiple) => ((long)size + multiple - 1) / multiple * multiple;
}
