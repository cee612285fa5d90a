using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Kernels.Threads;

namespace LatentSync.Attention.Kernels.Forward;

/// <content>What is prefetched while a block is computed: the rows of its result, and what the next block reads.</content>
internal static unsafe partial class FlashForward<TLanes, TVector, T>
{
    /// <summary>For a block of queries that sees all its keys at once: its results, the next block's queries, and a part of the keys and
    /// values of the next task, where that has another head.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static LinePrefetcher PrefetchForBlock(
        FlashContext* shared,
        in TaskMemory memory,
        in ThreadTasks tasks,
        in FlashSequence sequence,
        in FlashBlock<T> block,
        int batch,
        int kvHead,
        int row,
        int end
    )
    {
        ref readonly FlashCall call = ref shared->Call;
        ref readonly FlashPlan plan = ref shared->Plan;
        var list = new PrefetchList(memory.PrefetchRows, memory.MostPrefetchRows);
        list.AddBlock(call.Output, plan, sequence, kvHead, row);
        int next = row + plan.Lanes;
        if (next < end)
        {
            list.AddBlock(call.Query, plan, sequence, kvHead, next);
        }
        if (tasks.Next != ThreadTasks.None)
        {
            (int nextBatch, int nextHead, _) = plan.FindHeads(call.Problem, tasks.Next / plan.RowTasks);
            FlashSequence other = FlashSequence.Of(call, nextBatch);
            if (next >= end)
            {
                list.AddBlock(call.Query, plan, other, nextHead, plan.FirstRow(tasks.Next));
            }
            if ((nextBatch, nextHead) != (batch, kvHead))
            {
                int first = plan.FirstRow(tasks.Current);
                list.AddKeysAndValues(call, other, nextHead, (row - first) / plan.Lanes, FlashPlan.Parts(end - first, plan.Lanes));
            }
        }
        return list.Lines(call, PrefetchPoints(call, block.MaxLastKey + 1, block.Vectors));
    }

    /// <summary>For staged heads: their results, and the queries, keys and values of the next staged heads.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static LinePrefetcher PrefetchForStage(
        FlashContext* shared,
        in TaskMemory memory,
        in ThreadTasks tasks,
        in FlashSequence sequence,
        int batch,
        int head,
        int heads
    )
    {
        ref readonly FlashCall call = ref shared->Call;
        ref readonly FlashPlan plan = ref shared->Plan;
        var list = new PrefetchList(memory.PrefetchRows, memory.MostPrefetchRows);
        list.Add(call.Output, batch, head, 0, sequence.QueryLength);
        int widest = heads;
        if (tasks.Next != ThreadTasks.None)
        {
            (int nextBatch, int nextHead, int nextHeads) = plan.FindHeads(call.Problem, tasks.Next);
            widest = Math.Max(heads, nextHeads);
            list.AddStaged(call, nextBatch, nextHead);
        }
        int points = PrefetchPoints(call, sequence.KeyLength, FlashBlock<T>.VectorsFor(sequence.QueryLength, TLanes.Count));
        return list.Lines(call, heads * points, widest);
    }

    /// <summary>For the first block of queries against some keys: these keys' values, while the scores are computed.</summary>
    /// <remarks>Values are read down a column, from all rows at once: each of them is a miss that hardware prefetchers do
    /// not predict.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static LinePrefetcher PrefetchForValues(
        FlashContext* shared,
        in TaskMemory memory,
        in FlashSequence sequence,
        in FlashBlock<T> block,
        int kvHead,
        int key,
        int count
    )
    {
        ref readonly FlashCall call = ref shared->Call;
        var list = new PrefetchList(memory.PrefetchRows, memory.MostPrefetchRows);
        list.Add(call.Value, sequence.KeyBatch, kvHead, sequence.KeyStart + key, count);
        return list.Lines(call, ProductTile<TLanes, TVector, T>.PrefetchPoints(count, call.Problem.HeadDim, block.Vectors));
    }

    /// <summary>Prefetch points of both products of a block.</summary>
    private static int PrefetchPoints(in FlashCall call, int keys, int vectors) =>
        ProductTile<TLanes, TVector, T>.PrefetchPoints(keys, call.Problem.HeadDim, vectors)
        + ProductTile<TLanes, TVector, T>.PrefetchPoints(call.Problem.ValueDim, keys, vectors);
}
