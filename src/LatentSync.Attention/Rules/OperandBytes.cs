using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Rules;

/// <summary>Memory of the copies that backends make of their operands; upper bounds in bytes.</summary>
internal static class OperandBytes
{
    /// <summary>Allocator rounding, thread pools and small temporaries of one call. Measured on the CPU: 11 MiB at the first
    /// call.</summary>
    public const long Fixed = 16L << 20;

    /// <summary>An estimate as a number of bytes that can be compared and shown: what is beyond all memory is the largest number.</summary>
    /// <param name="bytes">The sum. Of a valid problem it fits into 128 bits.</param>
    public static long Saturate(Int128 bytes) => (long)Int128.Min(bytes, long.MaxValue);

    /// <summary>Copies of operands: those with a strided last dimension, all when they are padded, key and value once more in 16 bits
    /// (packed for the matrix product).</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="padsTo">Head dim that all operands and the result are padded to; 0 when they are not.</param>
    public static Int128 Copies(in AttentionProblem problem, long padsTo)
    {
        Int128 queryRows = (Int128)problem.Batch * problem.HeadCount * problem.QueryLength;
        Int128 keyRows = (Int128)problem.Batch * problem.KvHeadCount * problem.KeyLength;
        long dims = (long)problem.HeadDim + problem.ValueDim;
        Int128 elements = 0;
        if (padsTo > 0)
        {
            elements += (2 * queryRows + 2 * keyRows) * padsTo;
        }
        if (problem.Strided != AttentionOperands.None)
        {
            elements += queryRows * problem.HeadDim + keyRows * dims;
        }
        if (problem.DType.Size() == 2)
        {
            elements += keyRows * Math.Max(dims, 2 * padsTo);
        }
        return elements * problem.DType.Size();
    }

    /// <summary>What training holds besides: the gradients of query, key and value, and the gradient of the result when it has to be
    /// copied; 0 without training.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="padsTo">Head dim that all operands and the result are padded to; 0 when they are not.</param>
    public static Int128 Gradients(in AttentionProblem problem, long padsTo)
    {
        if (!problem.NeedsGradient)
        {
            return 0;
        }
        Int128 queryRows = (Int128)problem.Batch * problem.HeadCount * problem.QueryLength;
        Int128 keyRows = (Int128)problem.Batch * problem.KvHeadCount * problem.KeyLength;
        long dims = (long)problem.HeadDim + problem.ValueDim;
        Int128 elements = (queryRows + keyRows) * dims + (2 * queryRows + 2 * keyRows) * padsTo;
        if (problem.Strided != AttentionOperands.None)
        {
            elements += queryRows * problem.HeadDim + keyRows * dims;
        }
        return elements * problem.DType.Size();
    }

    /// <summary>The additive mask that is made from a boolean one, or from the causal diagonal or a window.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="mergesCausal">Diagonal or window become part of the mask.</param>
    public static Int128 Mask(in AttentionProblem problem, bool mergesCausal)
    {
        Int128 elements = problem.Mask.ElementCount;
        if (mergesCausal)
        {
            elements = (Int128)problem.QueryLength * problem.KeyLength * Math.Max(problem.Mask.Batch, 1) * Math.Max(problem.Mask.Heads, 1);
        }
        // The mask itself, the one it is made from, and two boolean temporaries.
        return elements * (2 * problem.DType.ComputeSize() + 2);
    }

    /// <summary>The additive mask of kernels that want whole rows of a padded length: beside <see cref="Mask"/>'s, the copy in longer
    /// rows.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="alignment">Elements that a row's length is a multiple of.</param>
    /// <param name="mergesCausal">Diagonal or window become part of the mask.</param>
    public static Int128 PaddedMask(in AttentionProblem problem, int alignment, bool mergesCausal)
    {
        AttentionMask mask = problem.Mask;
        if (mask.Kind == AttentionMaskKind.None && !mergesCausal)
        {
            return 0;
        }
        Int128 rows = mergesCausal
            ? (Int128)problem.QueryLength * Math.Max(mask.Batch, 1) * Math.Max(mask.Heads, 1)
            : (Int128)mask.Batch * mask.Heads * mask.Rows;
        return Mask(problem, mergesCausal) + rows * FusedRules.RoundUp(problem.KeyLength, alignment) * problem.DType.ComputeSize();
    }

    /// <summary>Keys and values written out for every query head.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="dim">The larger of head dim and value dim, padded.</param>
    public static Int128 RepeatedHeads(in AttentionProblem problem, long dim) =>
        (Int128)2 * problem.Batch * problem.HeadCount * problem.KeyLength * dim * problem.DType.Size();
}
