namespace LatentSync.Attention.Problems;

/// <summary>How a problem is cut so that the scores of one slice fit into a workspace: whole heads of several sequences while they fit,
/// then
/// heads of one sequence, then rows of one key head.</summary>
/// <param name="Batches">Sequences per slice, at least 1.</param>
/// <param name="KvHeads">Key heads per slice, at least 1; more than one sequence only with all heads.</param>
/// <param name="Rows">Query positions per slice, at least 1; fewer than Lq only with one sequence and one key head.</param>
/// <param name="WorkspaceBytes">Memory that one slice takes, at most the workspace unless a single row exceeds it.</param>
public readonly record struct SliceShape(int Batches, int KvHeads, int Rows, long WorkspaceBytes)
{
    /// <summary>Workspace when none is given: large enough that the matrix products run at full speed.</summary>
    public const long DefaultWorkspaceBytes = 256L << 20;

    /// <summary>Cuts a problem.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="workspaceBytes">Memory for one slice in bytes, at least 1.</param>
    public static SliceShape For(in AttentionProblem problem, long workspaceBytes)
    {
        int compute = problem.DType.ComputeSize(), group = problem.HeadCount / problem.KvHeadCount;
        // Forward: scores and their exponentials, boolean temporaries, an additive mask's slice. Backward: also weights and their gradients.
        // Measured at the peak of a backward pass: 8.3, and with a window 12.
        double matrices = problem.NeedsGradient ? 8.75 : 3;
        matrices += problem.Softcap > 0 ? 3 : 0; // divided, bent, multiplied
        if (problem.NeedsGradient)
        {
            // Scores before and after hiding, the gradients of both, and booleans are alive together.
            matrices += problem.IsCausal || problem.HasWindow ? 4 : 0;
            matrices += problem.Mask.Kind != AttentionMaskKind.None ? 4 : 0;
        }
        double scoreBytes = problem.KeyLength * (double)compute * matrices;
        double rowBytes = scoreBytes + 4.0 * compute * (problem.HeadDim + problem.ValueDim);
        double headBytes = (problem.NeedsGradient ? 4.0 : 2.0) * problem.KeyLength * (problem.HeadDim + problem.ValueDim) * compute;
        double wholeHead = headBytes + rowBytes * group * problem.QueryLength;
        int batches = 1, kvHeads = 1, rows = Math.Max(problem.QueryLength, 1);
        if (wholeHead <= workspaceBytes)
        {
            long heads = (long)Math.Min(workspaceBytes / Math.Max(wholeHead, 1), int.MaxValue);
            kvHeads = (int)Math.Clamp(heads, 1, problem.KvHeadCount);
            batches = kvHeads == problem.KvHeadCount ? (int)Math.Clamp(heads / kvHeads, 1, Math.Max(problem.Batch, 1)) : 1;
        }
        else
        {
            rows = (int)Math.Clamp((workspaceBytes - headBytes) / (rowBytes * group), 1, rows);
        }
        return new SliceShape(batches, kvHeads, rows, (long)(batches * (double)kvHeads * (headBytes + rowBytes * group * rows)));
    }
}
