using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>The rows that a thread needs next, listed to be prefetched while it computes.</summary>
/// <param name="room">Room for their addresses.</param>
/// <param name="capacity">How many addresses there is room for; further rows are not prefetched.</param>
internal unsafe ref struct PrefetchList(byte** room, int capacity)
{
    private int _count;

    /// <summary>Rows of a block of queries, as <see cref="FlashSequence.FindRows"/> counts them; none where the sequence has no such
    /// block.</summary>
    internal void AddBlock(in FlashOperand operand, in FlashPlan plan, in FlashSequence sequence, int kvHead, int firstRow)
    {
        int count = Math.Min(Math.Min(plan.Lanes, sequence.QueryLength * plan.Group - firstRow), capacity - _count);
        if (count > 0)
        {
            sequence.FindRows(operand, plan.Group, kvHead, firstRow, count, count, room + _count);
            _count += count;
        }
    }

    /// <summary>Rows of consecutive positions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Add(in FlashOperand operand, nint batch, nint head, nint position, int count)
    {
        for (int end = Math.Min(_count + count, capacity); _count < end; position++)
        {
            room[_count++] = (byte*)operand.Row(batch, head, position);
        }
    }

    /// <summary>All queries, keys and values of staged heads.</summary>
    internal void AddStaged(in FlashCall call, int batch, int head)
    {
        FlashSequence sequence = FlashSequence.Of(call, batch);
        Add(call.Query, batch, head, 0, sequence.QueryLength);
        Add(call.Key, batch, head, 0, sequence.KeyLength);
        Add(call.Value, batch, head, 0, sequence.KeyLength);
    }

    /// <summary>A part of a head's keys and of its values: each block of queries prefetches one.</summary>
    /// <param name="call">The call.</param>
    /// <param name="sequence">The sequence of the keys.</param>
    /// <param name="kvHead">The head.</param>
    /// <param name="part">Index of the part.</param>
    /// <param name="parts">Number of parts.</param>
    internal void AddKeysAndValues(in FlashCall call, in FlashSequence sequence, int kvHead, int part, int parts)
    {
        int first = (int)((long)sequence.KeyLength * part / parts),
            count = (int)((long)sequence.KeyLength * (part + 1) / parts) - first;
        Add(call.Key, sequence.KeyBatch, kvHead, sequence.KeyStart + first, count);
        Add(call.Value, sequence.KeyBatch, kvHead, sequence.KeyStart + first, count);
    }

    /// <summary>Their cache lines. All rows count as long as the longest: of one head the longer of query and value.</summary>
    /// <param name="call">The call whose operands they belong to.</param>
    /// <param name="points">How many prefetch points there are meanwhile.</param>
    /// <param name="heads">Heads of a row, side by side.</param>
    internal readonly LinePrefetcher Lines(in FlashCall call, int points, int heads = 1) =>
        new(room, _count, (long)heads * Math.Max(call.Problem.HeadDim, call.Problem.ValueDim) * call.Key.DType.Size(), points);
}
