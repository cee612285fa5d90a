using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Kernels.Threads;

namespace LatentSync.Attention.Kernels.Backward;

/// <content>What is prefetched while a block is computed, as in the forward pass.</content>
internal static unsafe partial class FlashBackward<TLanes, TVector, T>
{
    /// <summary>For a block of queries that sees all its keys at once: its gradients, what the next block reads, and a part of the next
    /// head's keys and values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static LinePrefetcher PrefetchForBlock(
        FlashGradientContext* shared,
        in GradientMemory memory,
        in ThreadTasks tasks,
        in FlashSequence sequence,
        in FlashBlock<T> block,
        int kvHead,
        int row,
        int rows,
        int keys
    )
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        int next = row + plan.Lanes;
        var list = new PrefetchList(memory.PrefetchRows, memory.MostPrefetchRows);
        list.AddBlock(shared->Gradients.QueryGradient, plan, sequence, kvHead, row);
        if (next < rows)
        {
            AddQueries(shared, ref list, sequence, kvHead, next);
        }
        else
        {
            list.Add(shared->Gradients.KeyGradient, sequence.KeyBatch, kvHead, sequence.KeyStart, sequence.KeyRoom);
            list.Add(shared->Gradients.ValueGradient, sequence.KeyBatch, kvHead, sequence.KeyStart, sequence.KeyRoom);
        }
        if (tasks.Next != ThreadTasks.None)
        {
            (int nextBatch, int nextHead, _) = plan.FindHeads(call.Problem, tasks.Next);
            FlashSequence other = FlashSequence.Of(call, nextBatch);
            if (next >= rows)
            {
                AddQueries(shared, ref list, other, nextHead, 0);
            }
            list.AddKeysAndValues(call, other, nextHead, row / plan.Lanes, FlashPlan.Parts(rows, plan.Lanes));
        }
        return list.Lines(call, PrefetchPoints(call, keys, block.Vectors));
    }

    /// <summary>For staged heads: their gradients, and all that is copied of the next staged heads.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static LinePrefetcher PrefetchForStage(
        FlashGradientContext* shared,
        in GradientMemory memory,
        in ThreadTasks tasks,
        in FlashSequence sequence,
        int batch,
        int first,
        int heads
    )
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        int queries = sequence.QueryLength;
        var list = new PrefetchList(memory.PrefetchRows, memory.MostPrefetchRows);
        int widest = heads;
        if (tasks.Next != ThreadTasks.None)
        {
            (int nextBatch, int nextHead, int nextHeads) = shared->Forward.Plan.FindHeads(call.Problem, tasks.Next);
            widest = Math.Max(heads, nextHeads);
            list.AddStaged(call, nextBatch, nextHead);
            list.Add(call.Output, nextBatch, nextHead, 0, queries);
            list.Add(shared->Gradients.OutputGradient, nextBatch, nextHead, 0, queries);
        }
        list.Add(shared->Gradients.QueryGradient, batch, first, 0, queries);
        list.Add(shared->Gradients.KeyGradient, batch, first, 0, sequence.KeyRoom);
        list.Add(shared->Gradients.ValueGradient, batch, first, 0, sequence.KeyRoom);
        int points = PrefetchPoints(call, sequence.KeyLength, FlashBlock<T>.VectorsFor(queries, TLanes.Count));
        return list.Lines(call, heads * points, widest);
    }

    /// <summary>What is read of a block of queries.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddQueries(FlashGradientContext* shared, ref PrefetchList list, in FlashSequence sequence, int kvHead, int row)
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        list.AddBlock(call.Query, plan, sequence, kvHead, row);
        list.AddBlock(shared->Gradients.OutputGradient, plan, sequence, kvHead, row);
        list.AddBlock(call.Output, plan, sequence, kvHead, row);
    }

    /// <summary>Prefetch points of the three products of a block that are as wide as its queries.</summary>
    private static int PrefetchPoints(in FlashCall call, int keys, int vectors) =>
        ProductTile<TLanes, TVector, T>.PrefetchPoints(keys, call.Problem.HeadDim, vectors)
        + ProductTile<TLanes, TVector, T>.PrefetchPoints(keys, call.Problem.ValueDim, vectors)
        + ProductTile<TLanes, TVector, T>.PrefetchPoints(call.Problem.HeadDim, keys, vectors);
}
