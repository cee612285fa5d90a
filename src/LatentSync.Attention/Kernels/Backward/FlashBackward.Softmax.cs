using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Kernels.Threads;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Backward;

/// <content>Rows whose logsumexp has too few digits for the weights: their maximum and sum, computed once more.</content>
/// <remarks>A weight e^(S - logsumexp) is off by the rounding of the logsumexp: in float a unit of 64 is 8·10⁻⁶, of 10¹² it is 65536, which
/// leaves nothing of the sum. With the maximum and the sum apart, equal scores weigh equally at every size. It costs a sixth
/// product, and only for blocks of queries that have such a row.</remarks>
internal static unsafe partial class FlashBackward<TLanes, TVector, T>
{
    /// <summary>From this size on a logsumexp has too few digits.</summary>
    private const double LargeLogSumExp = 64;

    /// <summary>Whether a row's weights need its maximum and sum. -∞ does not: it sees no key.</summary>
    private static bool HasFewDigits(double logSumExp) => Math.Abs(logSumExp) >= LargeLogSumExp && !double.IsNegativeInfinity(logSumExp);

    /// <summary>Finds maximum and sum of such rows, if there are any.</summary>
    private static void FindRowsOfLargeScores(ref FlashGradientContext context, IWorkTeam team)
    {
        ref readonly FlashCall call = ref context.Forward.Call;
        ref readonly AttentionProblem problem = ref call.Problem;
        long rows =
            problem.HeadCount * (call.QueryStarts is null ? (long)problem.Batch * problem.QueryLength : call.QueryStarts[problem.Batch]);
        if (!AnyHasFewDigits((T*)call.LogSumExp, rows))
        {
            return;
        }
        var parts = new WorkspaceParts(Workspace.OfCall(2 * (rows * sizeof(T) + 64)));
        context.Maxima = parts.Take<T>(rows);
        context.InverseSums = parts.Take<T>(rows);
        Run(ref context, GradientPass.Softmax, context.Forward.Plan.Heads * context.Forward.Plan.RowTasks, team);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool AnyHasFewDigits(T* logSumExp, long count)
    {
        TVector hidden = TLanes.Broadcast(Exponential.Number<T>(double.NegativeInfinity)),
            largest = default;
        long i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            TVector size = TLanes.Load(logSumExp + i);
            size = TLanes.Select(TLanes.EqualTo(size, hidden), default, TLanes.Abs(size));
            largest = TLanes.Max(size, largest); // in this order: NaN is passed over
        }
        bool any = HasFewDigits(Exponential.ToDouble(TLanes.Largest(largest)));
        for (; i < count; i++)
        {
            any |= HasFewDigits(Exponential.ToDouble(logSumExp[i]));
        }
        return any;
    }

    /// <summary>Sets what is subtracted from the scores: each row's logsumexp, which is there already, or its maximum, with 1 / sum as a
    /// factor. The weights of a query that sees no key are all zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SetShift(
        FlashGradientContext* shared,
        in GradientMemory memory,
        ref FlashBlock<T> block,
        in FlashSequence sequence,
        int lanes
    )
    {
        block.InverseSum = null;
        for (int i = 0; shared->Maxima is not null && i < block.Count; i++)
        {
            block.InverseSum = HasFewDigits(Exponential.ToDouble(memory.Shift[i])) ? memory.InverseSum : block.InverseSum;
        }
        TVector perScale = Exponential.Constant<TLanes, TVector, T>(1 / shared->Forward.Scores.ExponentScale);
        TVector hidden = Exponential.Constant<TLanes, TVector, T>(double.NegativeInfinity),
            never = Exponential.Constant<TLanes, TVector, T>(double.PositiveInfinity);
        for (int v = 0; v < lanes; v += TLanes.Count)
        {
            TVector logSumExp = TLanes.Load(memory.Shift + v);
            TLanes.Store(TLanes.Select(TLanes.EqualTo(logSumExp, hidden), never, TLanes.Multiply(logSumExp, perScale)), memory.Shift + v);
        }
        for (int i = 0; block.InverseSum is not null && i < lanes; i++)
        {
            int query = Math.Min(i, block.Count - 1);
            nint place = sequence.LogSumExpIndex(shared->Forward.Call, block.Head[query], block.Position[query]);
            bool isApart = HasFewDigits(Exponential.ToDouble(((T*)shared->Forward.Call.LogSumExp)[place]));
            memory.Shift[i] = isApart ? ((T*)shared->Maxima)[place] : memory.Shift[i];
            memory.InverseSum[i] = isApart ? ((T*)shared->InverseSums)[place] : Exponential.Number<T>(1);
        }
    }

    /// <summary>Maximum and sum of the rows of a block, where one of them needs it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunSoftmax(FlashGradientContext* shared, in GradientMemory memory, long task)
    {
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        ref readonly FlashCall call = ref shared->Forward.Call;
        ref readonly ScorePlan scorePlan = ref shared->Forward.Scores;
        long head = task / plan.RowTasks;
        int batch = (int)(head / call.Problem.KvHeadCount),
            kvHead = (int)(head % call.Problem.KvHeadCount);
        FlashSequence sequence = FlashSequence.Of(call, batch);
        int rows = sequence.QueryLength * plan.Group,
            row = (int)(task % plan.RowTasks) * plan.Lanes;
        if (row >= rows)
        {
            return;
        }
        FlashBlock<T> block = BlockOf(shared, memory, sequence, kvHead, row, rows);
        int lanes = block.Vectors * TLanes.Count;
        bool isNeeded = false;
        for (int i = 0; i < block.Count; i++)
        {
            isNeeded |= HasFewDigits(
                Exponential.ToDouble(((T*)call.LogSumExp)[sequence.LogSumExpIndex(call, block.Head[i], block.Position[i])])
            );
        }
        if (!isNeeded)
        {
            return;
        }
        int headDim = call.Problem.HeadDim;
        LoadRows(call.Query, memory, block, sequence, plan.Group, kvHead, row, memory.QueryRows, memory.PaddedHeadDim, headDim);
        Transpose(memory, memory.QueryRows, memory.PaddedHeadDim, block, lanes, headDim, block.Query);
        new Span<T>(block.Maximum, lanes).Fill(Exponential.Number<T>(double.NegativeInfinity));
        new Span<T>(block.Sum, lanes).Clear();
        T* before = stackalloc T[lanes],
            rescale = stackalloc T[lanes];
        for (int key = block.MinFirstKey; key <= block.MaxLastKey; key += plan.KeyBlock)
        {
            int count = Math.Min(plan.KeyBlock, block.MaxLastKey + 1 - key);
            FlashKeyBlock<T> keys = FlashKeyBlock<T>.Of(call, plan, sequence, kvHead, key, count, memory.Keys, memory.Values);
            new Span<T>(block.Maximum, lanes).CopyTo(new Span<T>(before, lanes));
            FlashScores<TLanes, TVector, T>.Compute(&shared->Forward, block, keys, batch, memory.Scratch, null);
            FlashSoftmax<TLanes, TVector, T>.Update(scorePlan, block, before, memory.Scratch.Scores, count, rescale);
        }
        for (int i = 0; i < block.Count; i++)
        {
            nint place = sequence.LogSumExpIndex(call, block.Head[i], block.Position[i]);
            double maximum = FlashSoftmax<TLanes, TVector, T>.Scaled(scorePlan, Exponential.ToDouble(block.Maximum[i]));
            double inverseSum = Math.ScaleB(1 / Exponential.ToDouble(block.Sum[i]), -scorePlan.Headroom);
            ((T*)shared->Maxima)[place] = Exponential.Number<T>(maximum);
            ((T*)shared->InverseSums)[place] = Exponential.Number<T>(inverseSum);
        }
    }
}
