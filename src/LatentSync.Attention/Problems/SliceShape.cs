namespace LatentSync.Attention.Problems;

/// <summary>How a problem is cut so that the scores of one slice fit into a workspace: whole heads of several sequences while they fit,
/// then
/// heads of one sequence, then rows of one key head; keys only when a block of rows over all of them would not fit.</summary>
/// <param name="Batches">Sequences per slice, at least 1.</param>
/// <param name="KvHeads">Key heads per slice, at least 1; more than one sequence only with all heads.</param>
/// <param name="Rows">Query positions per slice, at least 1; fewer than Lq only with one sequence and one key head.</param>
/// <param name="Keys">Keys per slice, at least 1; fewer than Lk only with one sequence and one key head. The slices of a row are then
/// joined by their maxima and sums (online softmax).</param>
/// <param name="WorkspaceBytes">Memory that one slice takes, at most the workspace unless one row with <see cref="LeastKeys"/> keys
/// exceeds it.</param>
internal readonly record struct SliceShape(int Batches, int KvHeads, int Rows, int Keys, long WorkspaceBytes)
{
    /// <summary>Fewer keys than this are not worth the calls.</summary>
    public const int LeastKeys = 64;

    /// <summary>Rows that a slice should have before it takes more keys: enough to make up for widening its keys.</summary>
    private const int GoodRows = 64;

    /// <summary>Workspace when none is given: large enough that the matrix products run at full speed.</summary>
    public const long DefaultWorkspaceBytes = 256L << 20;

    /// <summary>Cuts a problem.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="workspaceBytes">Memory for one slice in bytes, at least 1.</param>
    public static SliceShape For(in AttentionProblem problem, long workspaceBytes)
    {
        int compute = problem.DType.ComputeSize(),
            group = problem.HeadCount / problem.KvHeadCount;
        // Forward: scores and their exponentials, boolean temporaries, an additive mask's slice. Backward: also weights and their
        // gradients; measured at its peak: 8.3, and with a window 13.5.
        double matrices = problem.NeedsGradient ? 9.25 : 3;
        matrices += problem.Softcap > 0 ? 3 : 0; // divided, bent, multiplied
        if (problem.NeedsGradient)
        {
            // Scores before and after hiding, the gradients of both, and booleans are alive together.
            matrices += problem.IsCausal || problem.HasWindow ? 5.5 : 0;
            matrices += problem.Mask.Kind != AttentionMaskKind.None ? 4 : 0;
        }
        double scoreBytes = compute * matrices,
            dims = (double)problem.HeadDim + problem.ValueDim;
        double keyBytes = (problem.NeedsGradient ? 4.75 : 2.0) * dims * compute;
        double rowBytes = (problem.NeedsGradient ? 4.75 : 4.0) * compute * dims * group;
        double wholeHead = Bytes(problem.QueryLength, problem.KeyLength);
        int batches = 1,
            kvHeads = 1,
            rows = Math.Max(problem.QueryLength, 1),
            keys = Math.Max(problem.KeyLength, 1);
        if (wholeHead <= workspaceBytes)
        {
            long heads = (long)Math.Min(workspaceBytes / Math.Max(wholeHead, 1), int.MaxValue);
            kvHeads = (int)Math.Clamp(heads, 1, problem.KvHeadCount);
            batches = kvHeads == problem.KvHeadCount ? (int)Math.Clamp(heads / kvHeads, 1, Math.Max(problem.Batch, 1)) : 1;
        }
        else
        {
            if (!(problem.NeedsGradient && problem.Dropout > 0)) // whose weights autograd keeps whole
            {
                double good = Math.Clamp(Math.Floor(workspaceBytes / 4 / rowBytes), 1, Math.Min(GoodRows, rows));
                double fitting = (workspaceBytes - good * rowBytes) / (keyBytes + good * group * scoreBytes);
                keys = (int)Math.Clamp(fitting, Math.Min(LeastKeys, keys), keys);
            }
            rows = (int)Math.Clamp((workspaceBytes - keys * keyBytes) / (rowBytes + group * scoreBytes * keys), 1, rows);
        }
        return new SliceShape(batches, kvHeads, rows, keys, (long)(batches * (double)kvHeads * Bytes(rows, keys)));

        double Bytes(double r, double k) => k * keyBytes + r * (rowBytes + group * scoreBytes * k);
    }
}
