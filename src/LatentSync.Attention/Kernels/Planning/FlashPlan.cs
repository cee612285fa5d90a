using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Planning;

/// <summary>How a call is divided into blocks and tasks, and how its rows are read: decided once per call, the same for every
/// thread.</summary>
/// <remarks>
/// Words: a <b>lane</b> is one query of one head. A <b>block</b> is up to <see cref="Lanes"/> queries side by side in vectors, against
/// <see cref="KeyBlock"/> keys. A <b>task</b> is some blocks of queries with all their keys; one thread computes it. With grouped heads
/// the query heads that share a key head are queries of the same block.
/// </remarks>
internal readonly unsafe struct FlashPlan
{
    /// <summary>Queries of a block, at most.</summary>
    internal required int Lanes { get; init; }

    /// <summary>Keys of a block, at most.</summary>
    internal required int KeyBlock { get; init; }

    /// <summary>Query heads that share a key head.</summary>
    internal required int Group { get; init; }

    /// <summary>Queries of a key head: those of all heads that share it.</summary>
    internal required int Rows { get; init; }

    /// <summary>Key heads of all sequences.</summary>
    internal required long Heads { get; init; }

    /// <summary>Multiply-adds of a key head in the forward pass.</summary>
    internal required double HeadWork { get; init; }

    /// <summary>Threads that are worth waking.</summary>
    internal required int Threads { get; init; }

    /// <summary>Blocks of queries of a task, at most.</summary>
    internal required int BlocksPerTask { get; init; }

    /// <summary>Key heads of a staged task, at most; otherwise 1.</summary>
    internal required int HeadsPerTask { get; init; }

    /// <summary>Tasks into which a sequence's key heads are divided.</summary>
    internal required int HeadTasks { get; init; }

    /// <summary>Tasks into which a key head's queries are divided.</summary>
    internal required int RowTasks { get; init; }

    /// <summary>All keys are one block.</summary>
    internal required bool IsShort { get; init; }

    /// <summary>Keys and values are read where they lie; otherwise each block of them is copied.</summary>
    internal required bool InPlace { get; init; }

    /// <summary>Values are copied: with the keys, or alone where they could be read in place but the columns of their long rows share cache
    /// sets.</summary>
    internal required bool CopiesValues { get; init; }

    /// <summary>Elements from one copied value to the next.</summary>
    internal required int ValueStride { get; init; }

    /// <summary>A task copies the rows of several small heads at once, and works on the copies.</summary>
    internal required bool Staged { get; init; }

    /// <summary>Rows that the next block needs are prefetched while a block is computed: with few keys memory takes longer than the
    /// computation.</summary>
    internal required bool Prefetches { get; init; }

    /// <summary>The plan of a forward pass.</summary>
    /// <param name="call">The call.</param>
    /// <param name="vectors">The vectors.</param>
    /// <param name="threads">Threads that may be used.</param>
    internal static FlashPlan Of(in FlashCall call, VectorShape vectors, int threads)
    {
        ref readonly AttentionProblem problem = ref call.Problem;
        int elementSize = vectors.ElementSize,
            lanes = vectors.BlockLanes,
            dims = problem.HeadDim + problem.ValueDim;
        int group = problem.HeadCount / problem.KvHeadCount,
            rows = problem.QueryLength * group,
            blocks = Parts(rows, lanes);
        long heads = (long)problem.Batch * problem.KvHeadCount;
        double headWork = (double)rows * problem.KeyLength * dims;
        int workers = ThreadsFor(headWork * heads, threads);
        bool isShort = problem.KeyLength <= FlashTuning.LargestKeyBlock;
        bool inPlace =
            call.PageTable is null
            && RowLayout.IsReadableInPlace(call.Key, problem.HeadDim, elementSize)
            && RowLayout.IsReadableInPlace(call.Value, problem.ValueDim, elementSize);
        bool isSimpleBatch = call.QueryStarts is null && call.KeyStarts is null && call.PageTable is null;
        bool isStaged = blocks == 1 && isShort && isSimpleBatch && group == 1 && !inPlace && RowLayout.AreHeadsAdjacent(call);
        int blocksPerTask = 1,
            headsPerTask = 1;
        if (isStaged)
        {
            long headBytes =
                elementSize * (problem.KeyLength * (long)dims + problem.QueryLength * (long)Math.Max(problem.HeadDim, problem.ValueDim));
            headsPerTask = StagedHeads(headBytes, vectors, heads, problem.KvHeadCount, workers);
        }
        else
        {
            long taskBytes = vectors.IsNarrow ? FlashTuning.LargeTaskBytes : FlashTuning.TaskBytes;
            long fitting = taskBytes / Math.Max(1, (long)lanes * dims * elementSize);
            long balanced = blocks * heads / (workers * (long)FlashTuning.TasksPerThread);
            blocksPerTask = (int)Math.Clamp(Math.Min(fitting, balanced), 1, FlashTuning.MostBlocks);
        }
        bool hasConflicts = RowLayout.HasSetConflicts(problem.ValueDim, elementSize);
        return new FlashPlan
        {
            Lanes = lanes,
            KeyBlock = Math.Min(FlashTuning.LargestKeyBlock, Math.Max(problem.KeyLength, 1)),
            Group = group,
            Rows = rows,
            Heads = heads,
            HeadWork = headWork,
            Threads = workers,
            BlocksPerTask = blocksPerTask,
            HeadsPerTask = headsPerTask,
            HeadTasks = Parts(problem.KvHeadCount, headsPerTask),
            RowTasks = Parts(blocks, blocksPerTask),
            IsShort = isShort,
            InPlace = inPlace,
            CopiesValues = !inPlace || vectors.IsNarrow && hasConflicts && blocksPerTask > 1,
            ValueStride = problem.ValueDim + (hasConflicts ? Prefetching.Line / elementSize : 0),
            Staged = isStaged,
            Prefetches =
                isShort
                && Prefetching.IsSupported
                && call.PageTable is null
                && RowLayout.AreRowsDense(call)
                && RowLayout.BytesOf(call) > FlashTuning.CachedBytes,
        };
    }

    /// <summary>The same blocks for rows that were copied side by side: nothing is copied once more.</summary>
    internal FlashPlan ForStagedRows() => this with { InPlace = true, CopiesValues = false };

    /// <summary>The sequence and the key heads of a task.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="headTask">The task's index without its part of the queries or keys.</param>
    internal (int Batch, int First, int Count) FindHeads(in AttentionProblem problem, long headTask)
    {
        int first = (int)(headTask % HeadTasks) * HeadsPerTask;
        return ((int)(headTask / HeadTasks), first, Math.Min(HeadsPerTask, problem.KvHeadCount - first));
    }

    /// <summary>First query of a task, counted over the heads that share the key head.</summary>
    internal int FirstRow(long task) => (int)(task % RowTasks) * BlocksPerTask * Lanes;

    /// <summary>Threads for so many multiply-adds.</summary>
    internal static int ThreadsFor(double multiplyAdds, int threads) => (int)Math.Clamp(multiplyAdds / FlashTuning.ThreadWork, 1, threads);

    /// <summary>Heads of a staged task: as many as fit into the cache, but no thread stays without work.</summary>
    /// <param name="headBytes">Bytes of a head's copies.</param>
    /// <param name="vectors">The vectors.</param>
    /// <param name="heads">Key heads of all sequences.</param>
    /// <param name="kvHeads">Key heads of a sequence.</param>
    /// <param name="threads">Threads that share the work.</param>
    internal static int StagedHeads(long headBytes, VectorShape vectors, long heads, int kvHeads, int threads)
    {
        long fitting = (vectors.IsNarrow ? FlashTuning.LargeStageBytes : FlashTuning.StageBytes) / Math.Max(headBytes, 1);
        long balanced = heads / (threads * FlashTuning.TasksPerThread);
        return Math.Min((int)Math.Clamp(Math.Min(fitting, balanced), 1, FlashTuning.MostStagedHeads), kvHeads);
    }

    /// <summary>Parts of a size that so many things make, the last one smaller.</summary>
    internal static int Parts(int count, int size) => (count + size - 1) / size;
}
