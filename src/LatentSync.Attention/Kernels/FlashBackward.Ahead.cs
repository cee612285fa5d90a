using LatentSync.Attention.Kernels.Micro;

namespace LatentSync.Attention.Kernels;

/// <content>What is asked for while a block is computed, as in the forward pass.</content>
internal static unsafe partial class FlashBackward<TLanes, TVector, T>
{
    /// <summary>For a block of queries that sees all its keys at once: its gradients, and what the next block or the next head reads.</summary>
    private static LinesAhead BlockAhead(
        FlashGradientContext* shared, in GradientMemory memory, in FlashTasks tasks, in FlashSequence sequence, int kvHead, int row, int rows)
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        int count = Math.Min(plan.Lanes, rows - row), next = row + plan.Lanes;
        var ahead = new RowsAhead<T>(memory.Ahead, memory.MostAhead);
        ahead.Add(shared->Gradients.QueryGradient, sequence, plan.Group, kvHead, row, count);
        if (next < rows)
        {
            AddQueries(shared, ref ahead, sequence, kvHead, next);
        }
        else
        {
            ahead.Add(shared->Gradients.KeyGradient, sequence.KeyBatch, kvHead, sequence.KeyStart, sequence.KeyRoom);
            ahead.Add(shared->Gradients.ValueGradient, sequence.KeyBatch, kvHead, sequence.KeyStart, sequence.KeyRoom);
            if (tasks.Next != FlashTasks.None)
            {
                (int nextBatch, int nextHead, _) = plan.FindHeads(call.Problem, tasks.Next);
                FlashSequence other = FlashSequence.Of(call, nextBatch);
                AddQueries(shared, ref ahead, other, nextHead, 0);
                ahead.Add(call.Key, other.KeyBatch, nextHead, other.KeyStart, other.KeyLength);
                ahead.Add(call.Value, other.KeyBatch, nextHead, other.KeyStart, other.KeyLength);
            }
        }
        return ahead.Lines(call, Turns(call, sequence.KeyLength, FlashPlan.VectorsFor(count, TLanes.Count)));
    }

    /// <summary>For staged heads: their gradients, and all that the next staged heads are copied from.</summary>
    private static LinesAhead StagedAhead(
        FlashGradientContext* shared, in GradientMemory memory, in FlashTasks tasks, in FlashSequence sequence, int batch, int first, int heads)
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        int queries = sequence.QueryLength;
        var ahead = new RowsAhead<T>(memory.Ahead, memory.MostAhead);
        if (tasks.Next != FlashTasks.None)
        {
            (int nextBatch, int nextHead, _) = shared->Forward.Plan.FindHeads(call.Problem, tasks.Next);
            int keys = FlashSequence.Of(call, nextBatch).KeyLength;
            ahead.Add(call.Query, nextBatch, nextHead, 0, queries);
            ahead.Add(call.Key, nextBatch, nextHead, 0, keys);
            ahead.Add(call.Value, nextBatch, nextHead, 0, keys);
            ahead.Add(call.Output, nextBatch, nextHead, 0, queries);
            ahead.Add(shared->Gradients.OutputGradient, nextBatch, nextHead, 0, queries);
        }
        ahead.Add(shared->Gradients.QueryGradient, batch, first, 0, queries);
        ahead.Add(shared->Gradients.KeyGradient, batch, first, 0, sequence.KeyRoom);
        ahead.Add(shared->Gradients.ValueGradient, batch, first, 0, sequence.KeyRoom);
        return ahead.Lines(call, heads * Turns(call, sequence.KeyLength, FlashPlan.VectorsFor(queries, TLanes.Count)), heads);
    }

    /// <summary>What is read of a block of queries.</summary>
    private static void AddQueries(FlashGradientContext* shared, ref RowsAhead<T> ahead, in FlashSequence sequence, int kvHead, int row)
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        int count = Math.Min(plan.Lanes, sequence.QueryLength * plan.Group - row);
        ahead.Add(call.Query, sequence, plan.Group, kvHead, row, count);
        ahead.Add(shared->Gradients.OutputGradient, sequence, plan.Group, kvHead, row, count);
        ahead.Add(call.Output, sequence, plan.Group, kvHead, row, count);
    }

    /// <summary>Turns to ask in the three products of a block that are as wide as its queries.</summary>
    private static int Turns(in FlashCall call, int keys, int vectors) =>
        ProductTile<TLanes, TVector, T>.Turns(keys, call.Problem.HeadDim, vectors) + ProductTile<TLanes, TVector, T>.Turns(keys, call.Problem.ValueDim, vectors)
        + ProductTile<TLanes, TVector, T>.Turns(call.Problem.HeadDim, keys, vectors);
}
