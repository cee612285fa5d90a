using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Kernels.Threads;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Forward;

/// <content>From a call to its blocks.</content>
internal static unsafe partial class FlashForward<TLanes, TVector, T>
{
    /// <summary>Computes a call.</summary>
    /// <param name="context">The call and its plans; its queue is set here.</param>
    /// <param name="team">Threads.</param>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    internal static void Run(ref FlashContext context, IWorkTeam team)
    {
        ref readonly FlashPlan plan = ref context.Plan;
        context.Queue = TaskQueue.Of((long)context.Call.Problem.Batch * plan.HeadTasks * plan.RowTasks, plan.Threads);
        fixed (FlashContext* shared = &context)
        {
            team.Run(context.Queue.Threads, &Work, shared);
        }
    }

    private static void Work(void* context)
    {
        var shared = (FlashContext*)context;
        var parts = new WorkspaceParts(null);
        _ = new TaskMemory(ref parts, shared);
        parts = new WorkspaceParts(Workspace.OfThread(parts.Bytes));
        var memory = new TaskMemory(ref parts, shared);
        var tasks = new ThreadTasks(&shared->Queue, shared->Plan.Prefetches);
        if (shared->Plan.Staged)
        {
            RunStaged(shared, memory, tasks);
            return;
        }
        while (tasks.MoveNext())
        {
            if (shared->Plan.IsShort)
            {
                RunShort(shared, memory, tasks);
            }
            else
            {
                RunBlocks(shared, memory, tasks.Current);
            }
        }
    }

    /// <summary>Some blocks of queries of one key head, with all their keys.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunBlocks(FlashContext* shared, in TaskMemory memory, long task)
    {
        ref readonly FlashCall call = ref shared->Call;
        ref readonly FlashPlan plan = ref shared->Plan;
        (int batch, int kvHead, _) = plan.FindHeads(call.Problem, task / plan.RowTasks);
        FlashSequence sequence = FlashSequence.Of(call, batch);
        int rows = sequence.QueryLength * plan.Group,
            firstRow = plan.FirstRow(task),
            row = firstRow;
        int blocks = 0,
            firstKey = int.MaxValue,
            endKey = 0;
        for (; blocks < plan.BlocksPerTask && row < rows; blocks++)
        {
            ref FlashBlock<T> block = ref memory.Blocks[blocks];
            LoadQueries(shared, memory, ref block, sequence, kvHead, row, Math.Min(plan.Lanes, rows - row));
            firstKey = Math.Min(firstKey, block.MinFirstKey);
            endKey = Math.Max(endKey, block.MaxLastKey + 1);
            row += plan.Lanes;
        }
        // Blocks of keys begin at the same keys however many blocks of queries a task has: that depends on the threads, and the bits must
        // not.
        for (int key = firstKey / plan.KeyBlock * plan.KeyBlock; key < endKey; key += plan.KeyBlock)
        {
            int count = Math.Min(plan.KeyBlock, endKey - key);
            FlashKeyBlock<T> keys = FlashKeyBlock<T>.Of(call, plan, sequence, kvHead, key, count, memory.Keys, memory.Values);
            bool isCold = TLanes.TileVectors == 4 && !plan.CopiesValues && Prefetching.IsSupported;
            for (int i = 0; i < blocks; i++)
            {
                ref FlashBlock<T> block = ref memory.Blocks[i];
                if (block.MinFirstKey < key + count && block.MaxLastKey >= key)
                {
                    LinePrefetcher prefetcher = isCold ? PrefetchForValues(shared, memory, sequence, block, kvHead, key, count) : default;
                    Attend(shared, memory.Scratch, ref block, batch, keys, isCold ? &prefetcher : null);
                    isCold = false;
                }
            }
        }
        for (int i = 0; i < blocks; i++)
        {
            StoreOrRepeat(shared, memory, ref memory.Blocks[i], batch, sequence, kvHead, firstRow + i * plan.Lanes);
        }
    }

    /// <summary>Some blocks of queries of one key head whose keys are one block: each block of queries from loading to storing. Memory
    /// takes longer than the computation here, so the next block's rows are prefetched.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunShort(FlashContext* shared, in TaskMemory memory, in ThreadTasks tasks)
    {
        ref readonly FlashCall call = ref shared->Call;
        ref readonly FlashPlan plan = ref shared->Plan;
        (int batch, int kvHead, _) = plan.FindHeads(call.Problem, tasks.Current / plan.RowTasks);
        FlashSequence sequence = FlashSequence.Of(call, batch);
        int row = plan.FirstRow(tasks.Current),
            end = Math.Min(row + plan.BlocksPerTask * plan.Lanes, sequence.QueryLength * plan.Group);
        if (row >= end)
        {
            return;
        }
        FlashKeyBlock<T> keys = FlashKeyBlock<T>.Of(call, plan, sequence, kvHead, 0, sequence.KeyLength, memory.Keys, memory.Values);
        ref FlashBlock<T> block = ref memory.Blocks[0];
        for (; row < end; row += plan.Lanes)
        {
            LoadQueries(shared, memory, ref block, sequence, kvHead, row, Math.Min(plan.Lanes, end - row));
            if (block.MaxLastKey >= 0)
            {
                LinePrefetcher prefetcher = plan.Prefetches
                    ? PrefetchForBlock(shared, memory, tasks, sequence, block, batch, kvHead, row, end)
                    : default;
                Attend(
                    shared,
                    memory.Scratch,
                    ref block,
                    batch,
                    keys with
                    {
                        Count = block.MaxLastKey + 1,
                    },
                    plan.Prefetches ? &prefetcher : null
                );
            }
            StoreOrRepeat(shared, memory, ref block, batch, sequence, kvHead, row);
        }
    }

    /// <summary>A thread's tasks of several small heads each.</summary>
    private static void RunStaged(FlashContext* shared, in TaskMemory memory, ThreadTasks tasks)
    {
        FlashContext staged = *shared; // once per thread: copying it takes as long as a head's products
        staged.Plan = shared->Plan.ForStagedRows();
        while (tasks.MoveNext())
        {
            RunStaged(shared, &staged, memory, tasks);
        }
    }

    /// <summary>Several small heads of one sequence: their rows are copied together, and each head is then one block of queries and one of
    /// keys.</summary>
    /// <param name="shared">The call.</param>
    /// <param name="staged">The call with the copies as its operands, which are set here.</param>
    /// <param name="memory">The thread's memory.</param>
    /// <param name="tasks">The task.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunStaged(FlashContext* shared, FlashContext* staged, in TaskMemory memory, in ThreadTasks tasks)
    {
        ref readonly FlashCall call = ref shared->Call;
        ref readonly AttentionProblem problem = ref call.Problem;
        (int batch, int head, int heads) = shared->Plan.FindHeads(problem, tasks.Current);
        FlashSequence sequence = FlashSequence.Of(call, batch);
        int queries = sequence.QueryLength,
            keyLength = sequence.KeyLength;
        var stage = new HeadStage<T>(memory.Stage, batch, head, heads);
        staged->Call.Query = stage.CopyIn(call.Query, queries, problem.HeadDim);
        staged->Call.Key = stage.CopyIn(call.Key, keyLength, problem.HeadDim);
        staged->Call.Value = stage.CopyIn(call.Value, keyLength, problem.ValueDim);
        // When a head has its result, its queries are not needed any more: the result takes their place where it fits.
        staged->Call.Output = problem.HeadDim == problem.ValueDim ? staged->Call.Query : stage.Reserve(queries, problem.ValueDim);
        bool prefetches = shared->Plan.Prefetches;
        LinePrefetcher prefetcher = prefetches ? PrefetchForStage(shared, memory, tasks, sequence, batch, head, heads) : default;
        FlashKeyBlock<T> keys = FlashKeyBlock<T>.Of(staged->Call, staged->Plan, sequence, head, 0, keyLength, null, null);
        ref FlashBlock<T> block = ref memory.Blocks[0];
        for (int h = 0; h < heads; h++)
        {
            LoadQueries(staged, memory, ref block, sequence, head + h, 0, queries);
            if (block.MaxLastKey >= 0)
            {
                FlashKeyBlock<T> own = keys.OfOtherHead(h * problem.HeadDim, h * problem.ValueDim, block.MaxLastKey + 1);
                Attend(staged, memory.Scratch, ref block, batch, own, prefetches ? &prefetcher : null);
            }
            StoreOrRepeat(staged, memory, ref block, batch, sequence, head + h, 0);
        }
        stage.CopyOut(staged->Call.Output, call.Output, queries, problem.ValueDim);
    }
}
