using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Wording;

namespace LatentSync.Attention.Rules;

/// <summary>Rules of libtorch's standard path (ATT04nn): it computes nearly everything, with the whole score matrix in memory.</summary>
internal static class TorchMathRules
{
    private const string Source = "libtorch 2.10, attention.cpp, _scaled_dot_product_attention_math";

    /// <summary>The backend.</summary>
    public static BackendRules Backend { get; } =
        new(
            AttentionBackendNames.TorchMath,
            "libtorch's standard path with the whole score matrix",
            [.. CommonRules.All, MemoryRules.Fits, .. Rules()],
            EstimateBytes
        );

    private static IEnumerable<Constraint> Rules() =>
        [
            new(
                "ATT0401",
                "{0} takes a mask or the causal flag, not both.",
                "a mask without causal",
                "merge the causal diagonal into the mask",
                Source,
                (in ConstraintSubject s) =>
                    s.Problem.IsCausal && s.Problem.Mask.Kind != AttentionMaskKind.None ? Finding.Of("a mask with causal") : null
            )
            {
                Repair = "the diagonal is merged into the mask",
            },
            new(
                "ATT0402",
                "{0} has only the top-left causal diagonal and no window.",
                "causal top-left, no window",
                "give a mask instead",
                Source,
                (in ConstraintSubject s) => FusedRules.ShapedMask(s)
            )
            {
                Repair = "diagonal and window become an additive (Lq, Lk) mask",
            },
            new(
                "ATT0403",
                "{0} has no softcap.",
                "softcap 0",
                Constraint.UseAnother,
                Source,
                (in ConstraintSubject s) => s.Problem.Softcap > 0 ? Finding.Number("softcap", s.Problem.Softcap) : null
            ),
            new(
                "ATT0405",
                "{0} shares key heads among query heads since libtorch 2.5.",
                "libtorch 2.5 or newer, or as many key heads as query heads",
                Constraint.UseAnother + "; or libtorch 2.5 or newer",
                "enable_gqa came with 2.5; from memory, not verified",
                (in ConstraintSubject s) => s.Problem.IsGrouped ? FusedRules.OlderLibTorch(s, 2, 5) : null
            )
            {
                Effort = RemedyEffort.Installation,
            },
            new(
                "ATT0404",
                "{0} does not return the logsumexp.",
                "a result without logsumexp",
                Constraint.UseAnother,
                Source,
                (in ConstraintSubject s) => s.Problem.NeedsLogSumExp ? Finding.Of("logsumexp wanted") : null
            )
            {
                IsOurs = true,
            },
        ];

    private static long EstimateBytes(in AttentionProblem problem, Machine machine)
    {
        int compute = problem.DType.ComputeSize();
        Int128 queryRows = (Int128)problem.Batch * problem.HeadCount * problem.QueryLength;
        Int128 keyRows = (Int128)problem.Batch * problem.HeadCount * problem.KeyLength; // key and value are repeated to all heads
        // Measured at the peak: 2.25 score matrices in the compute type, up to 2.45 with a mask or causal; dropout adds its own.
        // Backward: the weights, their gradient and that of the scores as well, 4.3 in all; with a mask up to 5.
        double scores = problem.ScoreCount * (compute * ((problem.Dropout > 0 ? 3.75 : 2.5) + (problem.NeedsGradient ? 2.75 : 0)));
        Int128 operands = (queryRows + keyRows) * (2L * problem.HeadDim + problem.ValueDim) * compute;
        // Autograd keeps the scaled operands, and their gradients are as large again.
        operands *= problem.NeedsGradient ? 2 : 1;
        // Repeated keys and values in 16 bits live beside their widened copies.
        operands +=
            problem.IsGrouped && problem.DType.Size() == 2
                ? keyRows * ((long)problem.HeadDim + problem.ValueDim) * problem.DType.Size()
                : 0;
        bool merges = problem.IsShiftedCausal || problem.HasWindow || problem.IsCausal;
        Int128 results = (Int128)problem.OutputBytes / problem.DType.Size() * (compute + problem.DType.Size()); // in the compute type, and converted
        return OperandBytes.Saturate(OperandBytes.Fixed + (Int128)scores + operands + results + OperandBytes.Mask(problem, merges));
    }
}
