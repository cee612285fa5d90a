using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Micro;

namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>The scores of a block of queries and a block of keys, ready for the softmax.</summary>
/// <typeparam name="TLanes">The instruction set.</typeparam>
/// <typeparam name="TVector">Its vector.</typeparam>
/// <typeparam name="T">float or double.</typeparam>
internal static unsafe class FlashScores<TLanes, TVector, T>
    where TLanes : ILanes<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>Computes the scores and updates each lane's maximum. Unmodified scores are not scaled yet: the softmax does that.</summary>
    /// <param name="context">The call.</param>
    /// <param name="block">The queries.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="batch">Sequence.</param>
    /// <param name="scratch">Room for the scores (count, lanes), which are written, and for a mask.</param>
    /// <param name="prefetcher">What is prefetched meanwhile; null for nothing.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Compute(
        FlashContext* context,
        in FlashBlock<T> block,
        in FlashKeyBlock<T> keys,
        int batch,
        in FlashScratch<T> scratch,
        LinePrefetcher* prefetcher
    )
    {
        int headDim = context->Call.Problem.HeadDim,
            lanes = block.Vectors * TLanes.Count;
        T* scores = scratch.Scores;
        if (ScoreModifier<TLanes, TVector, T>.IsNeeded(context->Scores, block, keys.First, keys.Count))
        {
            ProductTile<TLanes, TVector, T>.Multiply<NewSums>(
                keys.Keys,
                keys.KeyStride,
                1,
                block.Query,
                lanes,
                headDim,
                scores,
                lanes,
                keys.Count,
                block.Vectors,
                prefetcher: prefetcher
            );
            ScoreModifier<TLanes, TVector, T>.Modify(context, block, scores, batch, keys.First, keys.Count, scratch);
        }
        else
        {
            ProductTile<TLanes, TVector, T>.Multiply<NewSumsWithMaximum>(
                keys.Keys,
                keys.KeyStride,
                1,
                block.Query,
                lanes,
                headDim,
                scores,
                lanes,
                keys.Count,
                block.Vectors,
                block.Maximum,
                prefetcher
            );
        }
    }
}
