using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Rules;

/// <summary>The sliced backend has no rules of its own: what libtorch can multiply, it computes.</summary>
internal static class SlicedRules
{
    /// <summary>The backend.</summary>
    public static BackendRules Backend { get; } =
        new(
            AttentionBackendNames.Sliced,
            "exact attention in bounded memory from plain matrix products and softmax, by slices of queries and heads",
            CommonRules.All,
            static (in AttentionProblem problem, Machine _) =>
            {
                Int128 kept = problem is { NeedsGradient: true, Dropout: > 0 }
                    ? (Int128)4 * problem.ScoreCount * problem.DType.ComputeSize()
                    : 0;
                long slice = SliceShape.For(problem, SliceShape.DefaultWorkspaceBytes).WorkspaceBytes;
                Int128 logSumExp = problem.NeedsLogSumExp
                    ? (Int128)problem.Batch * problem.HeadCount * problem.QueryLength * problem.DType.ComputeSize()
                    : 0;
                // Gradients are summed over the slices in the compute type, then converted.
                Int128 gradients = OperandBytes.Gradients(problem, padsTo: 0);
                Int128 sums =
                    problem.DType.Size() == problem.DType.ComputeSize()
                        ? 0
                        : gradients / problem.DType.Size() * problem.DType.ComputeSize();
                return OperandBytes.Saturate(OperandBytes.Fixed + problem.OutputBytes + logSumExp + kept + slice + gradients + sums);
            }
        );
}
