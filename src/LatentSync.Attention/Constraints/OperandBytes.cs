using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Constraints;

/// <summary>Memory of the copies that backends make of their operands; upper bounds in bytes.</summary>
public static class OperandBytes
{
    /// <summary>Allocator rounding, thread pools and small temporaries of one call. Measured on the CPU: 11 MiB at the first
    /// call.</summary>
    public const long Fixed = 16L << 20;

    /// <summary>Copies of operands: those with a strided last dimension, all when they are padded, key and value once more in 16 bits
    /// (packed for the matrix product).</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="padsTo">Head dim that all operands and the result are padded to; 0 when they are not.</param>
    public static long Copies(in AttentionProblem problem, int padsTo)
    {
        long queryRows = (long)problem.Batch * problem.HeadCount * problem.QueryLength;
        long keyRows = (long)problem.Batch * problem.KvHeadCount * problem.KeyLength;
        long elements = 0;
        if (padsTo > 0)
        {
            elements += (2 * queryRows + 2 * keyRows) * padsTo;
        }
        if (problem.Strided != AttentionOperands.None)
        {
            elements += queryRows * problem.HeadDim + keyRows * (problem.HeadDim + problem.ValueDim);
        }
        if (problem.DType.Size() == 2)
        {
            elements += keyRows * Math.Max(problem.HeadDim + problem.ValueDim, 2 * padsTo);
        }
        return elements * problem.DType.Size();
    }

    /// <summary>The additive mask that is made from a boolean one, or from the causal diagonal or a window.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="mergesCausal">Diagonal or window become part of the mask.</param>
    public static long Mask(in AttentionProblem problem, bool mergesCausal)
    {
        long elements = problem.Mask.ElementCount;
        if (mergesCausal)
        {
            elements = (long)problem.QueryLength * problem.KeyLength * Math.Max(problem.Mask.Batch, 1) * Math.Max(problem.Mask.Heads, 1);
        }
        // The mask itself, the one it is made from, and two boolean temporaries.
        return elements * (2 * problem.DType.ComputeSize() + 2);
    }

    /// <summary>The additive mask of kernels that want whole rows of a padded length: beside <see cref="Mask"/>'s, the copy in longer
    /// rows.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="alignment">Elements that a row's length is a multiple of.</param>
    /// <param name="mergesCausal">Diagonal or window become part of the mask.</param>
    public static long PaddedMask(in AttentionProblem problem, int alignment, bool mergesCausal)
    {
        AttentionMask mask = problem.Mask;
        if (mask.Kind == AttentionMaskKind.None && !mergesCausal)
        {
            return 0;
        }
        long rows = mergesCausal
            ? (long)problem.QueryLength * Math.Max(mask.Batch, 1) * Math.Max(mask.Heads, 1)
            : (long)mask.Batch * mask.Heads * mask.Rows;
        return Mask(problem, mergesCausal) + rows * FusedRules.RoundUp(problem.KeyLength, alignment) * problem.DType.ComputeSize();
    }

    /// <summary>Keys and values written out for every query head.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="dim">The larger of head dim and value dim, padded.</param>
    public static long RepeatedHeads(in AttentionProblem problem, int dim) =>
        2L * problem.Batch * problem.HeadCount * problem.KeyLength * dim * problem.DType.Size();
}
