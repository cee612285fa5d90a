using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;

namespace LatentSync.Attention.Kernels.Forward;

/// <content>What is asked for while a block is computed: where its result goes, and what the next one reads.</content>
internal static unsafe partial class FlashForward<TLanes, TVector, T>
{
    /// <summary>For a block of queries that sees all its keys at once: its results, the next block's queries, and where the next task has another head,
    /// a share of that one's keys and values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static LinesAhead BlockAhead(
        FlashContext* shared, in TaskMemory memory, in FlashTasks tasks, in FlashSequence sequence, in FlashBlock<T> block, int batch, int kvHead, int row, int end)
    {
        ref readonly FlashCall call = ref shared->Call;
        ref readonly FlashPlan plan = ref shared->Plan;
        var ahead = new RowsAhead(memory.Ahead, memory.MostAhead);
        ahead.AddBlock(call.Output, plan, sequence, kvHead, row);
        int next = row + plan.Lanes;
        if (next < end)
        {
            ahead.AddBlock(call.Query, plan, sequence, kvHead, next);
        }
        if (tasks.Next != FlashTasks.None)
        {
            (int nextBatch, int nextHead, _) = plan.FindHeads(call.Problem, tasks.Next / plan.RowTasks);
            FlashSequence other = FlashSequence.Of(call, nextBatch);
            if (next >= end)
            {
                ahead.AddBlock(call.Query, plan, other, nextHead, plan.FirstRow(tasks.Next));
            }
            if ((nextBatch, nextHead) != (batch, kvHead))
            {
                int first = plan.FirstRow(tasks.Current);
                ahead.AddKeysAndValues(call, other, nextHead, (row - first) / plan.Lanes, (end - first + plan.Lanes - 1) / plan.Lanes);
            }
        }
        return ahead.Lines(call, Turns(call, block.LastOfAll + 1, block.Vectors));
    }

    /// <summary>For staged heads: their results, and all that the next staged heads are copied from. All rows are taken to have as many heads as the longer ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static LinesAhead StagedAhead(FlashContext* shared, in TaskMemory memory, in FlashTasks tasks, in FlashSequence sequence, int batch, int head, int heads)
    {
        ref readonly FlashCall call = ref shared->Call;
        ref readonly FlashPlan plan = ref shared->Plan;
        var ahead = new RowsAhead(memory.Ahead, memory.MostAhead);
        ahead.Add(call.Output, batch, head, 0, sequence.QueryLength);
        int widest = heads;
        if (tasks.Next != FlashTasks.None)
        {
            (int nextBatch, int nextHead, int nextHeads) = plan.FindHeads(call.Problem, tasks.Next);
            widest = Math.Max(heads, nextHeads);
            ahead.AddStaged(call, nextBatch, nextHead);
        }
        return ahead.Lines(call, heads * Turns(call, sequence.KeyLength, FlashPlan.VectorsFor(sequence.QueryLength, TLanes.Count)), widest);
    }

    /// <summary>For the first block of queries against some keys: these keys' values, while the scores are computed.</summary>
    /// <remarks>They are read down a column, all rows at once: from the third cache each of them is a miss that no prefetcher foresees.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static LinesAhead ValuesAhead(FlashContext* shared, in TaskMemory memory, in FlashSequence sequence, in FlashBlock<T> block, int kvHead, int key, int count)
    {
        ref readonly FlashCall call = ref shared->Call;
        var ahead = new RowsAhead(memory.Ahead, memory.MostAhead);
        ahead.Add(call.Value, sequence.KeyBatch, kvHead, sequence.KeyStart + key, count);
        return ahead.Lines(call, ProductTile<TLanes, TVector, T>.Turns(count, call.Problem.HeadDim, block.Vectors));
    }

    /// <summary>Turns to ask in both products of a block.</summary>
    private static int Turns(in FlashCall call, int keys, int vectors) =>
        ProductTile<TLanes, TVector, T>.Turns(keys, call.Problem.HeadDim, vectors) + ProductTile<TLanes, TVector, T>.Turns(call.Problem.ValueDim, keys, vectors);
}
