using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;

namespace LatentSync.Attention.Kernels.Backward;

/// <content>What is asked for while a block is computed, as in the forward pass.</content>
internal static unsafe partial class FlashBackward<TLanes, TVector, T>
{
    /// <summary>For a block of queries that sees all its keys at once: its gradients, what the next block reads, and a share of the next head's keys and values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static LinesAhead BlockAhead(
        FlashGradientContext* shared, in GradientMemory memory, in FlashTasks tasks, in FlashSequence sequence, in FlashBlock<T> block, int kvHead, int row, int rows,
        int keys)
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        int next = row + plan.Lanes;
        var ahead = new RowsAhead(memory.Ahead, memory.MostAhead);
        ahead.AddBlock(shared->Gradients.QueryGradient, plan, sequence, kvHead, row);
        if (next < rows)
        {
            AddQueries(shared, ref ahead, sequence, kvHead, next);
        }
        else
        {
            ahead.Add(shared->Gradients.KeyGradient, sequence.KeyBatch, kvHead, sequence.KeyStart, sequence.KeyRoom);
            ahead.Add(shared->Gradients.ValueGradient, sequence.KeyBatch, kvHead, sequence.KeyStart, sequence.KeyRoom);
        }
        if (tasks.Next != FlashTasks.None)
        {
            (int nextBatch, int nextHead, _) = plan.FindHeads(call.Problem, tasks.Next);
            FlashSequence other = FlashSequence.Of(call, nextBatch);
            if (next >= rows)
            {
                AddQueries(shared, ref ahead, other, nextHead, 0);
            }
            ahead.AddKeysAndValues(call, other, nextHead, row / plan.Lanes, (rows + plan.Lanes - 1) / plan.Lanes);
        }
        return ahead.Lines(call, Turns(call, keys, block.Vectors));
    }

    /// <summary>For staged heads: their gradients, and all that the next staged heads are copied from.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static LinesAhead StagedAhead(
        FlashGradientContext* shared, in GradientMemory memory, in FlashTasks tasks, in FlashSequence sequence, int batch, int first, int heads)
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        int queries = sequence.QueryLength;
        var ahead = new RowsAhead(memory.Ahead, memory.MostAhead);
        int widest = heads;
        if (tasks.Next != FlashTasks.None)
        {
            (int nextBatch, int nextHead, int nextHeads) = shared->Forward.Plan.FindHeads(call.Problem, tasks.Next);
            widest = Math.Max(heads, nextHeads);
            ahead.AddStaged(call, nextBatch, nextHead);
            ahead.Add(call.Output, nextBatch, nextHead, 0, queries);
            ahead.Add(shared->Gradients.OutputGradient, nextBatch, nextHead, 0, queries);
        }
        ahead.Add(shared->Gradients.QueryGradient, batch, first, 0, queries);
        ahead.Add(shared->Gradients.KeyGradient, batch, first, 0, sequence.KeyRoom);
        ahead.Add(shared->Gradients.ValueGradient, batch, first, 0, sequence.KeyRoom);
        return ahead.Lines(call, heads * Turns(call, sequence.KeyLength, FlashPlan.VectorsFor(queries, TLanes.Count)), widest);
    }

    /// <summary>What is read of a block of queries.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddQueries(FlashGradientContext* shared, ref RowsAhead ahead, in FlashSequence sequence, int kvHead, int row)
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        ahead.AddBlock(call.Query, plan, sequence, kvHead, row);
        ahead.AddBlock(shared->Gradients.OutputGradient, plan, sequence, kvHead, row);
        ahead.AddBlock(call.Output, plan, sequence, kvHead, row);
    }

    /// <summary>Turns to ask in the three products of a block that are as wide as its queries.</summary>
    private static int Turns(in FlashCall call, int keys, int vectors) =>
        ProductTile<TLanes, TVector, T>.Turns(keys, call.Problem.HeadDim, vectors) + ProductTile<TLanes, TVector, T>.Turns(keys, call.Problem.ValueDim, vectors)
        + ProductTile<TLanes, TVector, T>.Turns(call.Problem.HeadDim, keys, vectors);
}
