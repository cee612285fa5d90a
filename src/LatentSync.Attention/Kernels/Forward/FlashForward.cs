using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Forward;

/// <summary>
/// FlashAttention-2, forward: O = softmax(scale · Q Kᵀ + bias) V without the score matrix, by blocks of queries and keys
/// (arXiv:2307.08691, algorithm 1).
/// </summary>
/// <remarks>
/// The queries of a block lie side by side in the lanes, so that a row of the score matrix is one lane: its maximum, its sum and its
/// rescaling never cross lanes. Per block of keys, with n keys, L lanes:
/// <code>
///   S(n, L) = K(n, D) · Qᵀ(D, L)            keys are broadcast as they lie in memory; the tile also keeps each lane's maximum m
///   P(n, L) = 2^(c · (scale · S - m))       c = log₂e; exact zeros where a key is hidden; all times 2^-headroom
///   l(L)    = l · α + Σ P                   α = 2^(c · (m before - m)), 1 unless the maximum has grown
///   Oᵀ(Dv, L) = Oᵀ · α + Vᵀ(Dv, n) · P      values are broadcast as they lie in memory
/// </code>
/// and at the end O = Oᵀ / l is transposed back, logsumexp = m + ln l.
/// <para>Where keys may be hidden, a result that is not finite is computed once more, and terms of weight zero are skipped one by one: what
/// a hidden key's value holds must not reach any result, and 0 · NaN is NaN.</para>
/// </remarks>
internal static unsafe partial class FlashForward<TLanes, TVector, T>
    where TLanes : ILanes<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    private static T NegativeInfinity => Exponential.Number<T>(double.NegativeInfinity);

    /// <summary>One block of keys for one block of queries.</summary>
    /// <param name="shared">The call.</param>
    /// <param name="scratch">Room for the scores.</param>
    /// <param name="block">The queries and their results so far.</param>
    /// <param name="batch">Sequence.</param>
    /// <param name="keys">Keys and values.</param>
    /// <param name="prefetcher">What is prefetched meanwhile; null for nothing.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Attend(
        FlashContext* shared,
        in FlashScratch<T> scratch,
        ref FlashBlock<T> block,
        int batch,
        in FlashKeyBlock<T> keys,
        LinePrefetcher* prefetcher
    )
    {
        ref readonly AttentionProblem problem = ref shared->Call.Problem;
        int valueDim = problem.ValueDim;
        int vectors = block.Vectors,
            lanes = vectors * TLanes.Count,
            count = keys.Count;
        T* before = stackalloc T[lanes];
        for (int v = 0; v < lanes; v += TLanes.Count)
        {
            TLanes.Store(TLanes.Load(block.Maximum + v), before + v);
        }
        FlashScores<TLanes, TVector, T>.Compute(shared, block, keys, batch, scratch, prefetcher);
        T* rescale = stackalloc T[lanes];
        FlashSoftmax<TLanes, TVector, T>.Update(shared->Scores, block, before, scratch.Scores, count, rescale);
        if (shared->Scores.HasDropout)
        {
            FlashDropout.Fill(shared->Call, block, lanes, batch, keys.First, count, scratch.DropoutFactors);
            Elementwise<TLanes, TVector, T>.Multiply(scratch.Scores, scratch.DropoutFactors, count * lanes);
        }
        if (block.SkipsZeros)
        {
            ZeroSkippingProduct<TLanes, TVector, T>.Multiply(
                keys.Values,
                keys.ValueStride,
                scratch.Scores,
                count,
                block.Result,
                valueDim,
                vectors,
                rescale
            );
            block.HasResult = true;
        }
        else if (block.HasResult)
        {
            ProductTile<TLanes, TVector, T>.Multiply<RescaledSums>(
                keys.Values,
                1,
                keys.ValueStride,
                scratch.Scores,
                lanes,
                count,
                block.Result,
                lanes,
                valueDim,
                vectors,
                rescale,
                prefetcher
            );
        }
        else
        {
            ProductTile<TLanes, TVector, T>.Multiply<NewSums>(
                keys.Values,
                1,
                keys.ValueStride,
                scratch.Scores,
                lanes,
                count,
                block.Result,
                lanes,
                valueDim,
                vectors,
                prefetcher: prefetcher
            );
            block.HasResult = true;
        }
    }
}
