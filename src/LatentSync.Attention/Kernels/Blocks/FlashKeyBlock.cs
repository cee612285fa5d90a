using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Planning;

namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>A block of keys and their values in the type of the computation: where they lie, or copied.</summary>
/// <typeparam name="T">float or double.</typeparam>
internal readonly unsafe struct FlashKeyBlock<T>
    where T : unmanaged
{
    /// <summary>(n, D).</summary>
    internal required T* Keys { get; init; }

    /// <summary>Elements from key to key.</summary>
    internal required nint KeyStride { get; init; }

    /// <summary>(n, Dv).</summary>
    internal required T* Values { get; init; }

    /// <summary>Elements from value to value.</summary>
    internal required nint ValueStride { get; init; }

    /// <summary>Index of the first key.</summary>
    internal required int First { get; init; }

    /// <summary>Keys (n), at least 1.</summary>
    internal required int Count { get; init; }

    /// <summary>Some keys of a sequence's head: read in place where that pays, else copied and converted.</summary>
    /// <param name="call">The call.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="sequence">The sequence.</param>
    /// <param name="kvHead">The head.</param>
    /// <param name="first">Index of the first key.</param>
    /// <param name="count">Keys.</param>
    /// <param name="keyRoom">(n, D), for copied keys.</param>
    /// <param name="valueRoom">(n, Dv), rows <see cref="FlashPlan.ValueStride"/> apart, for copied values.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static FlashKeyBlock<T> Of(
        in FlashCall call,
        in FlashPlan plan,
        in FlashSequence sequence,
        int kvHead,
        int first,
        int count,
        T* keyRoom,
        T* valueRoom
    )
    {
        int headDim = call.Problem.HeadDim,
            valueDim = call.Problem.ValueDim;
        for (int j = 0; plan.CopiesValues && j < count; j++)
        {
            (nint page, nint place) = sequence.Place(call, first + j);
            if (!plan.InPlace)
            {
                RowConversion.Read(
                    call.Key.Row(page, kvHead, place),
                    call.Key.DType,
                    call.Key.ColumnStride,
                    keyRoom + (nint)j * headDim,
                    headDim
                );
            }
            RowConversion.Read(
                call.Value.Row(page, kvHead, place),
                call.Value.DType,
                call.Value.ColumnStride,
                valueRoom + (nint)j * plan.ValueStride,
                valueDim
            );
        }
        return new FlashKeyBlock<T>
        {
            Keys = plan.InPlace ? (T*)call.Key.Row(sequence.KeyBatch, kvHead, sequence.KeyStart + first) : keyRoom,
            KeyStride = plan.InPlace ? call.Key.RowStride : headDim,
            Values = plan.CopiesValues ? valueRoom : (T*)call.Value.Row(sequence.KeyBatch, kvHead, sequence.KeyStart + first),
            ValueStride = plan.CopiesValues ? plan.ValueStride : call.Value.RowStride,
            First = first,
            Count = count,
        };
    }

    /// <summary>The same keys of another head.</summary>
    /// <param name="keyOffset">Elements from this head's keys to those of the other.</param>
    /// <param name="valueOffset">Elements from this head's values to those of the other.</param>
    /// <param name="count">Keys.</param>
    internal FlashKeyBlock<T> OfOtherHead(nint keyOffset, nint valueOffset, int count) =>
        this with
        {
            Keys = Keys + keyOffset,
            Values = Values + valueOffset,
            Count = count,
        };
}
