using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Micro;

namespace LatentSync.Attention.Kernels.Backward;

/// <summary>
/// FlashAttention-2, backward: gradients of query, key and value from the logsumexp, the weights computed once more block by block
/// (arXiv:2307.08691, algorithm 2). Every run gives the same bits: each sum has one thread and one order.
/// </summary>
/// <remarks>
/// Queries lie in the lanes as in the forward pass, and the same code makes the scores. For n keys and L lanes, with the query's and the
/// result's gradient both as rows and transposed:
/// <code>
///   S(n, L)   = K · Qᵀ                 P = 2^(c · (scale · S - logsumexp))
///   dV(n, Dv) += (P ∘ M)(n, L) · dO(L, Dv)            M: dropout, 0 or 1 / (1 - p); absent: 1
///   dP(n, L)  = V(n, Dv) · dOᵀ(Dv, L)
///   dS(n, L)  = P ∘ (dP ∘ M - Δ)       Δ = Σ dO ∘ O per query; times 1 - tanh² under a softcap
///   dQᵀ(D, L) += Kᵀ(D, n) · dS         dK(n, D) += dS(n, L) · Q(L, D)
/// </code>
/// Where scores are large, the logsumexp has too few digits: there maximum and sum of the row are computed once more
/// (<c>FlashBackward.Softmax</c>). dQ and dK are multiplied by the scale at the end. All five products are
/// <see cref="ProductTile{TLanes, TVector, T}"/>. Where there are heads enough, a task is a key head: 5 products. Otherwise one pass
/// computes dK and dV, by keys, and another dQ, by queries: 7 products, but work for every thread.
/// </remarks>
internal static unsafe partial class FlashBackward<TLanes, TVector, T>
    where TLanes : ILanes<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>One block of keys for one block of queries.</summary>
    /// <param name="shared">The call.</param>
    /// <param name="memory">The thread's memory.</param>
    /// <param name="block">The queries.</param>
    /// <param name="batch">Sequence.</param>
    /// <param name="keys">Keys and values.</param>
    /// <param name="keySums">(n, D padded): dK, added to; null when not wanted.</param>
    /// <param name="valueSums">(n, Dv padded): dV, added to; null when not wanted.</param>
    /// <param name="wantsQuery">dQ is added to.</param>
    /// <param name="prefetcher">What is prefetched meanwhile; null for nothing.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Propagate(
        FlashGradientContext* shared,
        in GradientMemory memory,
        in FlashBlock<T> block,
        int batch,
        in FlashKeyBlock<T> keys,
        T* keySums,
        T* valueSums,
        bool wantsQuery,
        LinePrefetcher* prefetcher
    )
    {
        FlashContext* forward = &shared->Forward;
        int headDim = forward->Call.Problem.HeadDim,
            valueDim = forward->Call.Problem.ValueDim;
        int vectors = block.Vectors,
            lanes = vectors * TLanes.Count,
            firstKey = keys.First,
            count = keys.Count;
        T* weights = memory.Scratch.Scores,
            gradients = memory.WeightGradients;
        ProductTile<TLanes, TVector, T>.Multiply<NewSums>(
            keys.Keys,
            keys.KeyStride,
            1,
            block.Query,
            lanes,
            headDim,
            weights,
            lanes,
            count,
            vectors,
            prefetcher: prefetcher
        );
        if (ScoreModifier<TLanes, TVector, T>.IsNeeded(forward->Scores, block, firstKey, count))
        {
            ScoreModifier<TLanes, TVector, T>.Modify(forward, block, weights, batch, firstKey, count, memory.Scratch);
        }
        FlashSoftmax<TLanes, TVector, T>.ToWeights(forward->Scores, headroom: 0, weights, count, vectors, memory.Shift, null);
        if (block.InverseSum is not null)
        {
            Elementwise<TLanes, TVector, T>.MultiplyRows(weights, block.InverseSum, lanes, count);
        }
        ProductTile<TLanes, TVector, T>.Multiply<NewSums>(
            keys.Values,
            keys.ValueStride,
            1,
            memory.ResultGradient,
            lanes,
            valueDim,
            gradients,
            lanes,
            count,
            vectors,
            prefetcher: prefetcher
        );
        T* dropped = weights; // the weights by which the values were multiplied
        if (forward->Scores.HasDropout)
        {
            T* factors = memory.Scratch.DropoutFactors;
            FlashDropout.Fill(forward->Call, block, lanes, batch, firstKey, count, factors);
            Elementwise<TLanes, TVector, T>.Multiply(gradients, factors, count * lanes);
            Elementwise<TLanes, TVector, T>.Multiply(factors, weights, count * lanes);
            dropped = factors;
        }
        if (valueSums is not null)
        {
            ProductTile<TLanes, TVector, T>.AddWide(
                dropped,
                lanes,
                memory.ResultGradientRows,
                memory.PaddedValueDim,
                block.Count,
                valueSums,
                memory.PaddedValueDim,
                count,
                memory.PaddedValueDim
            );
        }
        ScoreGradients(weights, gradients, memory.Scratch.SoftcapSlopes, memory.Delta, count, lanes, block.SkipsZeros);
        if (wantsQuery && block.SkipsZeros)
        {
            T* ones = stackalloc T[lanes];
            new Span<T>(ones, lanes).Fill(Exponential.Number<T>(1));
            ZeroSkippingProduct<TLanes, TVector, T>.Multiply(
                keys.Keys,
                keys.KeyStride,
                gradients,
                count,
                memory.QueryGradient,
                headDim,
                vectors,
                ones
            );
        }
        else if (wantsQuery)
        {
            ProductTile<TLanes, TVector, T>.Multiply<AddedSums>(
                keys.Keys,
                1,
                keys.KeyStride,
                gradients,
                lanes,
                count,
                memory.QueryGradient,
                lanes,
                headDim,
                vectors,
                prefetcher: prefetcher
            );
        }
        if (keySums is not null)
        {
            ProductTile<TLanes, TVector, T>.AddWide(
                gradients,
                lanes,
                memory.QueryRows,
                memory.PaddedHeadDim,
                block.Count,
                keySums,
                memory.PaddedHeadDim,
                count,
                memory.PaddedHeadDim
            );
        }
    }

    /// <summary>dS = P ∘ (dP - Δ), times the softcap's derivative; in place of dP. Where zeros are skipped, it is 0 where P is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScoreGradients(T* weights, T* gradients, T* slopes, T* delta, int count, int lanes, bool skipsZeros)
    {
        for (int j = 0; j < count; j++, weights += lanes, gradients += lanes)
        {
            for (int v = 0; v < lanes; v += TLanes.Count)
            {
                TVector gradient = TLanes.Multiply(
                    TLanes.Load(weights + v),
                    TLanes.Subtract(TLanes.Load(gradients + v), TLanes.Load(delta + v))
                );
                if (slopes is not null)
                {
                    gradient = TLanes.Multiply(gradient, TLanes.Load(slopes + (nint)j * lanes + v));
                }
                TLanes.Store(gradient, gradients + v);
            }
            for (int v = 0; skipsZeros && v < lanes; v += TLanes.Count)
            {
                TLanes.Store(
                    TLanes.Select(TLanes.EqualTo(TLanes.Load(weights + v), default), default, TLanes.Load(gradients + v)),
                    gradients + v
                );
            }
        }
    }
}
