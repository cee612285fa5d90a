using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Constraints;

/// <summary>The sliced backend has no rules of its own: what libtorch can multiply, it computes.</summary>
public static class SlicedRules
{
    /// <summary>The backend.</summary>
    public static BackendRules Backend { get; } = new(
        AttentionBackendNames.Sliced,
        "exact attention in bounded memory from plain matrix products and softmax, by slices of queries and heads",
        CommonRules.All,
        static (in AttentionProblem problem, Machine _) =>
        {
            long kept = problem is { NeedsGradient: true, Dropout: > 0 } ? 4 * problem.ScoreCount * problem.DType.ComputeSize() : 0;
            long slice = SliceShape.For(problem, SliceShape.DefaultWorkspaceBytes).WorkspaceBytes;
            long logSumExp = problem.NeedsLogSumExp
                ? (long)problem.Batch * problem.HeadCount * problem.QueryLength * problem.DType.ComputeSize()
                : 0;
            return OperandBytes.Fixed + problem.OutputBytes + logSumExp + kept + slice;
        });
}
