using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels;

/// <summary>
/// FlashAttention-2, forward: O = softmax(scale · Q Kᵀ + bias) V without the score matrix, by blocks of queries and keys
/// (arXiv:2307.08691, algorithm 1).
/// </summary>
/// <remarks>
/// The queries of a block lie side by side in the lanes, so that a row of the score matrix is one lane: its maximum, its sum and its
/// rescaling never cross lanes. Per block of keys, with n keys, L lanes:
/// <code>
///   S(n, L) = K(n, D) · Qᵀ(D, L)            keys are broadcast as they lie in memory; the tile also keeps each lane's maximum m
///   P(n, L) = 2^(c · S - c · m)             c = scale · log₂e; exact zeros where a key is hidden
///   l(L)    = l · α + Σ P                   α = 2^(c · (m before - m)), 1 unless the maximum has grown
///   Oᵀ(Dv, L) = Oᵀ · α + Vᵀ(Dv, n) · P      values are broadcast as they lie in memory
/// </code>
/// and at the end O = Oᵀ / l is transposed back, logsumexp = ln 2 · c · m + ln l.
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
    /// <param name="batch">Sequence.</param>
    /// <param name="block">Queries, and what is known of them so far.</param>
    /// <param name="keys">Keys and values.</param>
    /// <param name="ahead">What is asked for meanwhile; null for nothing.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Attend(
        FlashContext* shared, in FlashScratch<T> scratch, ref FlashBlock<T> block, int batch, in FlashKeyBlock<T> keys, LinesAhead* ahead)
    {
        ref readonly AttentionProblem problem = ref shared->Call.Problem;
        int headDim = problem.HeadDim, valueDim = problem.ValueDim;
        int vectors = block.Vectors, lanes = vectors * TLanes.Count, count = keys.Count;
        T* before = stackalloc T[lanes];
        for (int v = 0; v < lanes; v += TLanes.Count)
        {
            TLanes.Store(TLanes.Load(block.Maximum + v), before + v);
        }
        if (FlashScores<TLanes, TVector, T>.NeedsShaping(shared->Plan, block, keys.First, count))
        {
            ProductTile<TLanes, TVector, T>.Multiply<NewSums>(
                keys.Keys, keys.KeyStride, 1, block.Query, lanes, headDim, scratch.Scores, lanes, count, vectors, ahead: ahead);
            FlashScores<TLanes, TVector, T>.Shape(shared, block, scratch.Scores, batch, keys.First, count, scratch);
        }
        else
        {
            ProductTile<TLanes, TVector, T>.Multiply<NewSumsWithMaximum>(
                keys.Keys, keys.KeyStride, 1, block.Query, lanes, headDim, scratch.Scores, lanes, count, vectors, block.Maximum, ahead);
        }
        T* shift = stackalloc T[lanes];
        T* rescale = stackalloc T[lanes];
        TVector factor = Exponential.Constant<TLanes, TVector, T>(shared->Plan.ExponentFactor);
        TVector hidden = TLanes.Broadcast(NegativeInfinity), zero = default;
        for (int v = 0; v < lanes; v += TLanes.Count)
        {
            TVector maximum = TLanes.Multiply(TLanes.Load(block.Maximum + v), factor);
            maximum = TLanes.Select(TLanes.EqualTo(maximum, hidden), zero, maximum); // a lane that has seen no key yet
            TVector old = TLanes.Multiply(TLanes.Load(before + v), factor);
            TVector alpha = Exponential.PowerOfTwo<TLanes, TVector, T>(TLanes.Subtract(old, maximum));
            TLanes.Store(TLanes.Subtract(zero, maximum), shift + v);
            TLanes.Store(alpha, rescale + v);
            TLanes.Store(TLanes.Multiply(TLanes.Load(block.Sum + v), alpha), block.Sum + v);
        }
        Weigh(scratch.Scores, count, vectors, factor, shift, block.Sum);
        if (shared->Plan.Drops)
        {
            FlashDropout.Fill(shared->Call, block, lanes, batch, keys.First, count, scratch.Kept);
            Elementwise<TLanes, TVector, T>.Multiply(scratch.Scores, scratch.Kept, count * lanes);
        }
        if (block.HasResult)
        {
            ProductTile<TLanes, TVector, T>.Multiply<RescaledSums>(
                keys.Values, 1, keys.ValueStride, scratch.Scores, lanes, count, block.Result, lanes, valueDim, vectors, rescale, ahead);
        }
        else
        {
            ProductTile<TLanes, TVector, T>.Multiply<NewSums>(
                keys.Values, 1, keys.ValueStride, scratch.Scores, lanes, count, block.Result, lanes, valueDim, vectors, ahead: ahead);
            block.HasResult = true;
        }
    }

    /// <summary>Scores become weights in place, P = 2^(factor · S + shift), and are added to the sums, each block's by itself
    /// first, which rounds less; two vectors at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Weigh(T* scores, int count, int vectors, TVector factor, T* shift, T* sums)
    {
        nint w = TLanes.Count, lanes = vectors * w;
        for (; vectors >= 2; vectors -= 2, scores += 2 * w, shift += 2 * w, sums += 2 * w)
        {
            TVector h0 = TLanes.Load(shift), h1 = TLanes.Load(shift + w), l0 = default, l1 = default;
            T* place = scores;
            for (int j = 0; j < count; j++, place += lanes)
            {
                l0 = TLanes.Add(l0, Weigh(place, factor, h0));
                l1 = TLanes.Add(l1, Weigh(place + w, factor, h1));
            }
            TLanes.Store(TLanes.Add(TLanes.Load(sums), l0), sums);
            TLanes.Store(TLanes.Add(TLanes.Load(sums + w), l1), sums + w);
        }
        if (vectors == 1)
        {
            TVector h0 = TLanes.Load(shift), l0 = default;
            for (int j = 0; j < count; j++, scores += lanes)
            {
                l0 = TLanes.Add(l0, Weigh(scores, factor, h0));
            }
            TLanes.Store(TLanes.Add(TLanes.Load(sums), l0), sums);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Weigh(T* score, TVector factor, TVector shift)
    {
        TVector weight = Exponential.PowerOfTwo<TLanes, TVector, T>(TLanes.MultiplyAdd(TLanes.Load(score), factor, shift));
        TLanes.Store(weight, score);
        return weight;
    }
}
