using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Kernels.Threads;

namespace LatentSync.Attention.Kernels.Backward;

/// <content>From a call to its blocks.</content>
internal static unsafe partial class FlashBackward<TLanes, TVector, T>
{
    /// <summary>Computes the gradients of a call.</summary>
    /// <param name="call">The call; checked.</param>
    /// <param name="team">Threads.</param>
    /// <param name="threads">Threads to use at most.</param>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    internal static void Run(in FlashGradientCall call, IWorkTeam team, int threads)
    {
        var context = new FlashGradientContext
        {
            Gradients = call,
            Forward = new FlashContext { Call = call.Forward, Scores = ScorePlan.Of(call.Forward, sizeof(T)) },
        };
        context.Plan = FlashGradientPlan.Of(call, VectorShape.Of<TLanes, TVector, T>(), threads, out context.Forward.Plan);
        ref readonly FlashPlan plan = ref context.Forward.Plan;
        FindRowsOfLargeScores(ref context, team);
        if (context.Plan.IsOnePass)
        {
            Run(ref context, GradientPass.All, (long)call.Forward.Problem.Batch * plan.HeadTasks, team);
            return;
        }
        Run(ref context, GradientPass.KeysAndValues, plan.Heads * context.Plan.KeyTasks, team);
        Run(ref context, GradientPass.Queries, plan.Heads * plan.RowTasks, team);
    }

    private static void Run(ref FlashGradientContext context, GradientPass pass, long tasks, IWorkTeam team)
    {
        context.Pass = pass;
        context.Forward.Queue = TaskQueue.Of(tasks, context.Forward.Plan.Threads);
        fixed (FlashGradientContext* shared = &context)
        {
            team.Run(context.Forward.Queue.Threads, &Work, shared);
        }
    }

    private static void Work(void* context)
    {
        var shared = (FlashGradientContext*)context;
        var parts = new WorkspaceParts(null);
        _ = new GradientMemory(ref parts, shared);
        parts = new WorkspaceParts(Workspace.OfThread(parts.Bytes));
        var memory = new GradientMemory(ref parts, shared);
        var tasks = new ThreadTasks(&shared->Forward.Queue, shared->Forward.Plan.Prefetches);
        if (shared->Pass == GradientPass.All && shared->Forward.Plan.Staged)
        {
            RunStaged(shared, memory, tasks);
            return;
        }
        while (tasks.MoveNext())
        {
            RunTask(shared, memory, tasks);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunTask(FlashGradientContext* shared, in GradientMemory memory, in ThreadTasks tasks)
    {
        switch (shared->Pass)
        {
            case GradientPass.All:
                RunHead(shared, memory, tasks);
                break;
            case GradientPass.KeysAndValues:
                RunKeysOfHead(shared, memory, tasks);
                break;
            case GradientPass.Queries:
                RunQueriesOfHead(shared, memory, tasks);
                break;
            default:
                RunSoftmax(shared, memory, tasks.Current);
                break;
        }
    }

    /// <summary>All gradients of a key head.</summary>
    private static void RunHead(FlashGradientContext* shared, in GradientMemory memory, in ThreadTasks tasks)
    {
        (int batch, int kvHead, _) = shared->Forward.Plan.FindHeads(shared->Forward.Call.Problem, tasks.Current);
        FlashSequence sequence = FlashSequence.Of(shared->Forward.Call, batch);
        RunKeys(shared, memory, tasks, sequence, batch, kvHead, 0, sequence.KeyRoom, wantsQuery: true, null);
    }

    /// <summary>The gradients of some keys and values of a key head.</summary>
    private static void RunKeysOfHead(FlashGradientContext* shared, in GradientMemory memory, in ThreadTasks tasks)
    {
        ref readonly FlashGradientPlan plan = ref shared->Plan;
        (int batch, int kvHead, _) = shared->Forward.Plan.FindHeads(shared->Forward.Call.Problem, tasks.Current / plan.KeyTasks);
        FlashSequence sequence = FlashSequence.Of(shared->Forward.Call, batch);
        int firstKey = (int)(tasks.Current % plan.KeyTasks) * plan.KeysPerTask;
        int endKey = Math.Min(firstKey + plan.KeysPerTask, sequence.KeyRoom);
        RunKeys(shared, memory, tasks, sequence, batch, kvHead, firstKey, endKey, wantsQuery: false, null);
    }

    /// <summary>The gradients of a block of queries.</summary>
    private static void RunQueriesOfHead(FlashGradientContext* shared, in GradientMemory memory, in ThreadTasks tasks)
    {
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        (int batch, int kvHead, _) = plan.FindHeads(shared->Forward.Call.Problem, tasks.Current / plan.RowTasks);
        FlashSequence sequence = FlashSequence.Of(shared->Forward.Call, batch);
        int rows = sequence.QueryLength * plan.Group,
            row = plan.FirstRow(tasks.Current),
            keys = sequence.KeyLength;
        if (
            row < rows
            && !RunRows(
                shared,
                memory,
                tasks,
                sequence,
                batch,
                kvHead,
                row,
                rows,
                0,
                keys,
                null,
                null,
                wantsQuery: true,
                skipsZeros: false,
                null
            )
        )
        {
            RunRows(
                shared,
                memory,
                tasks,
                sequence,
                batch,
                kvHead,
                row,
                rows,
                0,
                keys,
                null,
                null,
                wantsQuery: true,
                skipsZeros: true,
                null
            );
        }
    }

    /// <summary>A thread's tasks of several small heads each.</summary>
    private static void RunStaged(FlashGradientContext* shared, in GradientMemory memory, ThreadTasks tasks)
    {
        FlashGradientContext staged = *shared; // once per thread, as in the forward pass
        staged.Forward.Plan = shared->Forward.Plan.ForStagedRows();
        while (tasks.MoveNext())
        {
            RunStaged(shared, &staged, memory, tasks);
        }
    }

    /// <summary>All gradients of several small heads of one sequence: their rows are copied together, in and out, as in the forward
    /// pass.</summary>
    /// <param name="shared">The call.</param>
    /// <param name="staged">The call with the copies as its operands, which are set here.</param>
    /// <param name="memory">The thread's memory.</param>
    /// <param name="tasks">The task.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunStaged(
        FlashGradientContext* shared,
        FlashGradientContext* staged,
        in GradientMemory memory,
        in ThreadTasks tasks
    )
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        ref readonly FlashGradientCall gradients = ref shared->Gradients;
        (int batch, int first, int heads) = shared->Forward.Plan.FindHeads(call.Problem, tasks.Current);
        FlashSequence sequence = FlashSequence.Of(call, batch);
        int queries = sequence.QueryLength,
            keys = sequence.KeyLength,
            keyRoom = sequence.KeyRoom;
        int headDim = call.Problem.HeadDim,
            valueDim = call.Problem.ValueDim;
        var stage = new HeadStage<T>(memory.Stage, batch, first, heads);
        staged->Forward.Call.Query = stage.CopyIn(call.Query, queries, headDim);
        staged->Forward.Call.Key = stage.CopyIn(call.Key, keys, headDim);
        staged->Forward.Call.Value = stage.CopyIn(call.Value, keys, valueDim);
        staged->Forward.Call.Output = stage.CopyIn(call.Output, queries, valueDim);
        staged->Gradients.OutputGradient = stage.CopyIn(gradients.OutputGradient, queries, valueDim);
        staged->Gradients.QueryGradient = stage.Reserve(queries, headDim);
        staged->Gradients.KeyGradient = stage.Reserve(keyRoom, headDim);
        staged->Gradients.ValueGradient = stage.Reserve(keyRoom, valueDim);
        bool prefetches = shared->Forward.Plan.Prefetches;
        LinePrefetcher prefetcher = prefetches ? PrefetchForStage(shared, memory, tasks, sequence, batch, first, heads) : default;
        for (int h = first; h < first + heads; h++)
        {
            RunKeys(staged, memory, tasks, sequence, batch, h, 0, keyRoom, wantsQuery: true, prefetches ? &prefetcher : null);
        }
        stage.CopyOut(staged->Gradients.QueryGradient, gradients.QueryGradient, queries, headDim);
        stage.CopyOut(staged->Gradients.KeyGradient, gradients.KeyGradient, keyRoom, headDim);
        stage.CopyOut(staged->Gradients.ValueGradient, gradients.ValueGradient, keyRoom, valueDim);
    }

    /// <summary>Gradients of some keys and their values from all queries, and of the queries too where a task has all keys. Keys that are
    /// not in use get zeros. Where keys may be hidden and a gradient is not finite, all are computed once more without the terms of weight
    /// zero: what a hidden key or its value holds, or a query that sees no key, must not reach any gradient.</summary>
    private static void RunKeys(
        FlashGradientContext* shared,
        in GradientMemory memory,
        in ThreadTasks tasks,
        in FlashSequence sequence,
        int batch,
        int kvHead,
        int firstKey,
        int endKey,
        bool wantsQuery,
        LinePrefetcher* prefetcher
    )
    {
        if (!RunKeys(shared, memory, tasks, sequence, batch, kvHead, firstKey, endKey, wantsQuery, skipsZeros: false, prefetcher))
        {
            RunKeys(shared, memory, tasks, sequence, batch, kvHead, firstKey, endKey, wantsQuery, skipsZeros: true, null);
        }
    }

    /// <summary>The same, with or without the terms of weight zero.</summary>
    /// <returns>False where it has to be repeated without the terms of weight zero; only gradients of queries were stored then.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool RunKeys(
        FlashGradientContext* shared,
        in GradientMemory memory,
        in ThreadTasks tasks,
        in FlashSequence sequence,
        int batch,
        int kvHead,
        int firstKey,
        int endKey,
        bool wantsQuery,
        bool skipsZeros,
        LinePrefetcher* prefetcher
    )
    {
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        ref readonly FlashCall call = ref shared->Forward.Call;
        int keys = Math.Max(endKey - firstKey, 0),
            rows = sequence.QueryLength * plan.Group;
        new Span<T>(memory.KeySums, keys * memory.PaddedHeadDim).Clear();
        new Span<T>(memory.ValueSums, keys * memory.PaddedValueDim).Clear();
        for (int row = 0; row < rows; row += plan.Lanes)
        {
            if (
                !RunRows(
                    shared,
                    memory,
                    tasks,
                    sequence,
                    batch,
                    kvHead,
                    row,
                    rows,
                    firstKey,
                    endKey,
                    memory.KeySums,
                    memory.ValueSums,
                    wantsQuery,
                    skipsZeros,
                    prefetcher
                )
            )
            {
                return false;
            }
        }
        if (
            shared->Forward.Scores.MayHideKeys
            && !skipsZeros
            && !(
                Elementwise<TLanes, TVector, T>.IsFinite(memory.KeySums, (long)keys * memory.PaddedHeadDim)
                && Elementwise<TLanes, TVector, T>.IsFinite(memory.ValueSums, (long)keys * memory.PaddedValueDim)
            )
        )
        {
            return false;
        }
        Elementwise<TLanes, TVector, T>.Multiply(memory.KeySums, call.Problem.EffectiveScale, (long)keys * memory.PaddedHeadDim);
        for (int j = 0; j < keys; j++)
        {
            nint place = sequence.KeyStart + firstKey + j;
            T* key = memory.KeySums + (nint)j * memory.PaddedHeadDim,
                value = memory.ValueSums + (nint)j * memory.PaddedValueDim;
            StoreRow(key, shared->Gradients.KeyGradient, sequence.KeyBatch, kvHead, place, call.Problem.HeadDim);
            StoreRow(value, shared->Gradients.ValueGradient, sequence.KeyBatch, kvHead, place, call.Problem.ValueDim);
        }
        return true;
    }

    /// <summary>A block of queries before they are loaded: its size, and the keys that each lane sees.</summary>
    private static FlashBlock<T> BlockOf(
        FlashGradientContext* shared,
        in GradientMemory memory,
        in FlashSequence sequence,
        int kvHead,
        int row,
        int rows
    )
    {
        FlashBlock<T> block = memory.Block;
        block.SetCount(Math.Min(shared->Forward.Plan.Lanes, rows - row), TLanes.Count);
        sequence.FindKeys(shared->Forward, ref block, kvHead, row, block.Vectors * TLanes.Count);
        return block;
    }

    /// <summary>One block of queries against a range of keys.</summary>
    /// <returns>False where the queries' gradients have to be computed without the terms of weight zero.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool RunRows(
        FlashGradientContext* shared,
        in GradientMemory memory,
        in ThreadTasks tasks,
        in FlashSequence sequence,
        int batch,
        int kvHead,
        int row,
        int rows,
        int firstKey,
        int endKey,
        T* keySums,
        T* valueSums,
        bool wantsQuery,
        bool skipsZeros,
        LinePrefetcher* prefetcher
    )
    {
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        ref readonly FlashCall call = ref shared->Forward.Call;
        int headDim = call.Problem.HeadDim;
        FlashBlock<T> block = BlockOf(shared, memory, sequence, kvHead, row, rows);
        block.SkipsZeros = skipsZeros;
        int lanes = block.Vectors * TLanes.Count;
        (int first, int end) = (Math.Max(firstKey, block.MinFirstKey), Math.Min(endKey, block.MaxLastKey + 1));
        if (first >= end && !wantsQuery)
        {
            return true;
        }
        LoadQueries(shared, memory, ref block, sequence, kvHead, row, lanes);
        if (wantsQuery)
        {
            new Span<T>(memory.QueryGradient, headDim * lanes).Clear();
        }
        bool prefetches = prefetcher is null && plan.Prefetches;
        LinePrefetcher own = prefetches
            ? PrefetchForBlock(shared, memory, tasks, sequence, block, kvHead, row, rows, end - first)
            : default;
        prefetcher = prefetches ? &own : prefetcher;
        for (int key = first; key < end; key += plan.KeyBlock)
        {
            int n = Math.Min(plan.KeyBlock, end - key);
            FlashKeyBlock<T> keys = FlashKeyBlock<T>.Of(call, plan, sequence, kvHead, key, n, memory.Keys, memory.Values);
            Propagate(
                shared,
                memory,
                block,
                batch,
                keys,
                keySums is null ? null : keySums + (nint)(key - firstKey) * memory.PaddedHeadDim,
                valueSums is null ? null : valueSums + (nint)(key - firstKey) * memory.PaddedValueDim,
                wantsQuery,
                prefetcher
            );
        }
        if (wantsQuery)
        {
            if (
                shared->Forward.Scores.MayHideKeys
                && !skipsZeros
                && !Elementwise<TLanes, TVector, T>.IsFinite(memory.QueryGradient, (long)headDim * lanes)
            )
            {
                return false;
            }
            StoreQueryGradients(shared, memory, block, sequence, kvHead, row, lanes);
        }
        return true;
    }
}
