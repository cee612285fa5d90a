using System.Numerics;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Decode;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Planning;

/// <summary>How a forward call is cut into blocks and tasks, and what each block has to do: decided once per call, the same on every thread.</summary>
/// <remarks>
/// Words: a <b>lane</b> is one query of one head. A <b>block</b> is up to <see cref="Lanes"/> queries side by side in vectors against
/// <see cref="KeyBlock"/> keys. A <b>task</b> is some blocks of queries over all their keys, and belongs to one thread. With grouped heads
/// the query heads that share a key head are queries of the same block.
/// </remarks>
internal unsafe struct FlashPlan
{
    /// <summary>Keys of a block: its scores, 96 x 64 floats, are 24 KiB, which leaves room for the values' rows in a first-level cache of 32.</summary>
    internal const int LargestKeyBlock = 96;

    /// <summary>Bytes of transposed queries and unfinished results that a task holds with 512-bit vectors: a quarter of a second-level cache of 1 MiB.</summary>
    internal const int TaskBytes = 256 << 10;

    /// <summary>The same with narrower vectors, whose blocks have fewer queries: so many share the keys and values that were brought in (head dim 512, Zen 3).</summary>
    internal const int LargeTaskBytes = 512 << 10;

    /// <summary>Blocks of a task at most.</summary>
    internal const int MostBlocks = 8;

    /// <summary>Bytes of staged rows of a task of small problems with 512-bit vectors, both directions.</summary>
    internal const int StageBytes = 64 << 10;

    /// <summary>The same with narrower vectors, a quarter of a second-level cache of 512 KiB: longer pieces of memory are read faster
    /// (measured, Zen 3: forward 1.1 to 1.2 times, backward up to 1.2), and the slower products do not wait for the second cache. With 512 bits
    /// they do (Xeon, 96 KiB, before anything was asked for ahead: slower by some percent).</summary>
    internal const int LargeStageBytes = 128 << 10;

    /// <summary>Smaller scales are multiplied by, power of two or not: the exponents stay within the type.</summary>
    private const double LeastExponentScale = 1.0 / (1 << 20);

    private const int WidestVector = 64, SetsOfFirstCache = 64;

    /// <summary>Rows on so few sets of the first cache push each other out while a column of a block is read.</summary>
    private const int FewSets = 4;

    /// <summary>More tasks than threads, so that the last ones even out.</summary>
    private const int TasksPerThread = 6;

    /// <summary>Multiply-adds for which one more thread is woken: a few µs of one core.</summary>
    private const double WorthAThread = 2e5;

    /// <summary>Bytes of operands and results of a call that some cache may hold: their rows are not asked for.</summary>
    internal const long CachedBytes = 16 << 20;

    /// <summary>Products of the backward pass; the forward pass has two.</summary>
    private const int GradientProducts = 5;

    /// <summary>Bytes of the gradients of a head's keys and values that a thread holds while it makes all gradients at once.</summary>
    internal const int GradientBytes = 4 << 20;

    /// <summary>Blocks of keys of a backward task that makes the gradients of some keys only.</summary>
    internal const int KeyBlocksPerTask = 2;

    /// <summary>Most queries of a key head that <see cref="FlashDecode{TLanes, TVector, T}"/> computes: with more, queries in the lanes read as
    /// fast.</summary>
    internal const int MostDecodeRows = 4;

    /// <summary>Tasks that the keys of a call are split into for decoding, all heads together, about.</summary>
    internal const int DecodeTasks = 64;

    /// <summary>Queries of a block at most.</summary>
    internal int Lanes;

    /// <summary>Keys of a block at most.</summary>
    internal int KeyBlock;

    /// <summary>Query heads that share a key head.</summary>
    internal int Group;

    /// <summary>Queries of a key head: of all heads that share it.</summary>
    internal int Rows;

    /// <summary>Blocks of queries of a task at most.</summary>
    internal int BlocksPerTask;

    /// <summary>Key heads of a staged task at most; otherwise 1.</summary>
    internal int HeadsPerTask;

    /// <summary>Tasks that a sequence's key heads are cut into.</summary>
    internal int HeadTasks;

    /// <summary>Key heads of all sequences.</summary>
    internal long Heads;

    /// <summary>Multiply-adds of a key head.</summary>
    internal double HeadWork;

    /// <summary>Keys of a task that has not all of them.</summary>
    internal int KeysPerTask;

    /// <summary>Tasks that a key head's keys are cut into.</summary>
    internal int KeyTasks;

    /// <summary>A backward task makes all gradients of a head at once; otherwise there are two passes.</summary>
    internal bool IsWhole;

    /// <summary>Tasks that a key head's queries are cut into.</summary>
    internal int RowTasks;

    /// <summary>All tasks.</summary>
    internal long Tasks;

    /// <summary>Tasks that a thread takes at once.</summary>
    internal int TasksAtOnce;

    /// <summary>Threads that get work.</summary>
    internal int Threads;

    /// <summary>Scores are finished one by one (scale, softcap, bias) before the maximum is known; otherwise they are scaled while they become weights.</summary>
    internal bool Shapes;

    /// <summary>Causal or windowed: a lane sees the keys from one number to another.</summary>
    internal bool Bounds;

    /// <summary>Lanes need their keys and positions: bounds, masks and slopes depend on them.</summary>
    internal readonly bool NeedsLanes => Shapes || Bounds || Drops;

    /// <summary>Weights are dropped.</summary>
    internal bool Drops;

    /// <summary>A mask or bounds may hide keys: what these and their values hold, NaN included, must reach nothing.</summary>
    internal bool MayHide;

    /// <summary>Keys and values are read where they lie.</summary>
    internal bool Direct;

    /// <summary>Values are copied: with the keys, or alone, where they could be read as they lie but the columns of their long rows share cache sets.</summary>
    internal bool CopiesValues;

    /// <summary>Elements from one copied value to the next.</summary>
    internal int ValueStride;

    /// <summary>Rows of several small heads are copied at once.</summary>
    internal bool Staged;

    /// <summary>All keys are one block.</summary>
    internal bool IsShort;

    /// <summary>While a block is computed, what comes next is asked for: with short keys there is more to wait for than to compute.</summary>
    internal bool AsksAhead;

    /// <summary>Factor on a block's scores before the maximum is subtracted, in the type in which is computed: the problem's scale, and the product is
    /// rounded as plain code does it. 1 where shaping has done it, and where <see cref="ExponentScale"/> holds it.</summary>
    internal double ScoreScale;

    /// <summary>The problem's scale where it is a power of two, by which nothing is rounded: a factor of the exponent, for nothing. Otherwise 1.</summary>
    internal double ExponentScale;

    /// <summary>Factor on the distance of a score from the maximum in the exponent of 2.</summary>
    internal readonly double ExponentFactor => Exponential.Log2E * ExponentScale;

    /// <summary>Weights are 2^-headroom of what they would be, so that the sum of all values times them has room in the type, as it has where the weights
    /// are divided by their sum first. Powers of two round nothing.</summary>
    internal int Headroom;

    /// <summary>The plan of a problem.</summary>
    /// <param name="call">The call.</param>
    /// <param name="vectorLanes">Elements of a vector (W).</param>
    /// <param name="tileVectors">Vectors of a block, 4 or 2.</param>
    /// <param name="elementSize">Bytes in which is computed: 4 or 8.</param>
    /// <param name="threads">Threads that may be used.</param>
    internal static FlashPlan Of(in FlashCall call, int vectorLanes, int tileVectors, int elementSize, int threads)
    {
        ref readonly AttentionProblem problem = ref call.Problem;
        var plan = new FlashPlan
        {
            Lanes = vectorLanes * tileVectors,
            KeyBlock = Math.Min(LargestKeyBlock, Math.Max(problem.KeyLength, 1)),
            Group = problem.HeadCount / problem.KvHeadCount,
        };
        plan.Rows = problem.QueryLength * plan.Group;
        int blocks = (plan.Rows + plan.Lanes - 1) / plan.Lanes;
        int dims = problem.HeadDim + problem.ValueDim;
        bool isSimpleBatch = call.QueryStarts is null && call.KeyStarts is null && call.PageTable is null;
        double scale = problem.EffectiveScale;
        plan.Shapes = problem.Softcap > 0 || call.Mask.Address != 0 || call.AlibiSlopes is not null || scale <= 0 || !float.IsNormal((float)scale);
        plan.ExponentScale = !plan.Shapes && double.IsPow2(scale) && scale is >= LeastExponentScale and <= 1 ? scale : 1;
        plan.ScoreScale = plan.Shapes || plan.ExponentScale != 1 ? 1 : elementSize == sizeof(float) ? (float)scale : scale;
        plan.Headroom = 1 + (int)Math.Ceiling(Math.Log2(Math.Max(problem.KeyLength, 1) / (1 - problem.Dropout)));
        plan.Drops = problem.Dropout > 0;
        plan.Bounds = problem.IsCausal || problem.HasWindow;
        plan.MayHide = plan.Bounds || call.Mask.Address != 0;
        plan.Direct = call.PageTable is null && IsDirect(call.Key, problem.HeadDim, elementSize) && IsDirect(call.Value, problem.ValueDim, elementSize);
        bool isNarrow = IsNarrow(vectorLanes, elementSize);
        bool crowds = problem.ValueDim * elementSize > Prefetching.Line && SetsOf(problem.ValueDim, elementSize) <= FewSets;
        plan.ValueStride = problem.ValueDim + (crowds ? Prefetching.Line / elementSize : 0);
        plan.HeadWork = (double)plan.Rows * problem.KeyLength * dims;
        long heads = plan.Heads = (long)problem.Batch * problem.KvHeadCount;
        plan.Threads = ThreadsFor(plan.HeadWork * heads, threads);
        plan.IsShort = problem.KeyLength <= LargestKeyBlock;
        plan.AsksAhead = plan.IsShort && Prefetching.IsSupported && call.PageTable is null && AreRowsWhole(call) && BytesOf(call) > CachedBytes;

        // Small problems whose heads lie side by side: rows of several heads are staged at once.
        plan.HeadsPerTask = 1;
        plan.BlocksPerTask = 1;
        if (blocks == 1 && plan.IsShort && isSimpleBatch && plan.Group == 1 && !plan.Direct
            && AreHeadsAdjacent(call))
        {
            long perHead = (long)elementSize * (problem.KeyLength * (long)dims + problem.QueryLength * (long)Math.Max(problem.HeadDim, problem.ValueDim));
            plan.HeadsPerTask = Math.Min(plan.FewerHeads((isNarrow ? LargeStageBytes : StageBytes) / Math.Max(perHead, 1)), problem.KvHeadCount);
            plan.Staged = true;
        }
        else
        {
            long fitting = (isNarrow ? LargeTaskBytes : TaskBytes) / Math.Max(1, (long)plan.Lanes * dims * elementSize);
            long balanced = blocks * heads / (plan.Threads * (long)TasksPerThread);
            plan.BlocksPerTask = (int)Math.Clamp(Math.Min(fitting, balanced), 1, MostBlocks);
        }
        plan.CopiesValues = !plan.Direct || (isNarrow && crowds && plan.BlocksPerTask > 1);
        plan.HeadTasks = (problem.KvHeadCount + plan.HeadsPerTask - 1) / plan.HeadsPerTask;
        plan.RowTasks = (blocks + plan.BlocksPerTask - 1) / plan.BlocksPerTask;
        plan.Tasks = (long)problem.Batch * plan.HeadTasks * plan.RowTasks;
        plan.Threads = (int)Math.Min(plan.Threads, Math.Max(plan.Tasks, 1));
        plan.SetTasks(plan.Tasks);
        return plan;
    }

    /// <summary>The plan of a backward pass.</summary>
    /// <param name="gradients">The call.</param>
    /// <param name="vectorLanes">Elements of a vector (W).</param>
    /// <param name="tileVectors">Vectors of a block, 4 or 2.</param>
    /// <param name="elementSize">Bytes in which is computed: 4 or 8.</param>
    /// <param name="threads">Threads that may be used.</param>
    internal static FlashPlan ForBackward(in FlashGradientCall gradients, int vectorLanes, int tileVectors, int elementSize, int threads)
    {
        ref readonly FlashCall call = ref gradients.Forward;
        FlashPlan plan = Of(call, vectorLanes, tileVectors, elementSize, threads);
        ref readonly AttentionProblem problem = ref call.Problem;
        plan.BlocksPerTask = 1;
        plan.CopiesValues = !plan.Direct; // here the keys' columns are read
        plan.ValueStride = problem.ValueDim;
        plan.Threads = ThreadsFor(GradientProducts / 2.0 * plan.HeadWork * plan.Heads, threads);
        plan.RowTasks = (plan.Rows + plan.Lanes - 1) / plan.Lanes;
        long sums = (long)problem.KeyLength * (problem.HeadDim + problem.ValueDim) * elementSize;
        plan.IsWhole = sums <= GradientBytes && (plan.Threads == 1 || plan.Heads >= 2L * plan.Threads);
        int headDim = problem.HeadDim, valueDim = problem.ValueDim;
        plan.AsksAhead &= plan.IsWhole && gradients.OutputGradient.ColumnStride == 1 && gradients.QueryGradient.ColumnStride == 1
            && gradients.KeyGradient.ColumnStride == 1 && gradients.ValueGradient.ColumnStride == 1;
        plan.Staged &= plan.IsWhole && IsAdjacent(gradients.OutputGradient, valueDim) && IsAdjacent(gradients.QueryGradient, headDim)
            && IsAdjacent(gradients.KeyGradient, headDim) && IsAdjacent(gradients.ValueGradient, valueDim);
        long perHead = 2L * (headDim + valueDim) * (problem.QueryLength + problem.KeyLength) * elementSize;
        int stageBytes = IsNarrow(vectorLanes, elementSize) ? LargeStageBytes : StageBytes;
        plan.HeadsPerTask = plan.Staged ? Math.Min(plan.FewerHeads(stageBytes / Math.Max(perHead, 1)), problem.KvHeadCount) : 1;
        plan.HeadTasks = (problem.KvHeadCount + plan.HeadsPerTask - 1) / plan.HeadsPerTask;
        plan.KeysPerTask = plan.IsWhole ? Math.Max(problem.KeyLength, 1) : KeyBlocksPerTask * plan.KeyBlock;
        plan.KeyTasks = (problem.KeyLength + plan.KeysPerTask - 1) / plan.KeysPerTask;
        return plan;
    }

    /// <summary>The sequence and the key heads of a task.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="headTask">The task's index without its part of the queries or keys.</param>
    internal readonly (int Batch, int First, int Count) FindHeads(in AttentionProblem problem, long headTask)
    {
        int first = (int)(headTask % HeadTasks) * HeadsPerTask;
        return ((int)(headTask / HeadTasks), first, Math.Min(HeadsPerTask, problem.KvHeadCount - first));
    }

    /// <summary>First query of a task, counted over the heads that share the key head.</summary>
    internal readonly int FirstRow(long task) => (int)(task % RowTasks) * BlocksPerTask * Lanes;

    /// <summary>Threads for so many multiply-adds.</summary>
    internal static int ThreadsFor(double multiplyAdds, int threads) => (int)Math.Clamp(multiplyAdds / WorthAThread, 1, threads);

    /// <summary>A row's logsumexp.</summary>
    /// <param name="maximum">Its largest score, times <see cref="ScoreScale"/>.</param>
    /// <param name="sum">The sum of its weights.</param>
    internal readonly double LogSumExp(double maximum, double sum) =>
        sum == 0 ? double.NegativeInfinity : maximum * ExponentScale + (Math.Log(sum) + Headroom * Exponential.Ln2);

    private static bool IsNarrow(int vectorLanes, int elementSize) => vectorLanes * elementSize < WidestVector;

    /// <summary>Heads of a staged task: as many as fit, but no thread without work.</summary>
    private readonly int FewerHeads(long fitting) => (int)Math.Clamp(Math.Min(fitting, Heads / (Threads * TasksPerThread)), 1, 16);

    /// <summary>How many tasks there are. A thread takes several neighbours at once where there are many: they share cache lines.</summary>
    internal void SetTasks(long tasks)
    {
        Tasks = tasks;
        TasksAtOnce = (int)Math.Clamp(tasks / (Threads * (long)TasksPerThread * 4), 1, 16);
    }

    /// <summary>Vectors side by side for so many queries.</summary>
    internal static int VectorsFor(int count, int vectorLanes) => (count + vectorLanes - 1) / vectorLanes;

    /// <summary>Rows that can be read where they lie. Rows a multiple of 2 KiB or so apart fall on the same few lines of the first cache
    /// and push each other out: these are copied to be neighbours first (measured, 16 rows 80 KiB apart: 1.8 times as fast).</summary>
    private static bool IsDirect(in FlashOperand operand, int dim, int elementSize)
    {
        if (operand.DType.Size() != elementSize || operand.ColumnStride != 1 || operand.RowStride < 0)
        {
            return false;
        }
        return operand.RowStride <= dim + Prefetching.Line / elementSize || SetsOf(operand.RowStride, elementSize) >= FewSets;
    }

    /// <summary>Sets of the first cache that the beginnings of rows so many elements apart fall on.</summary>
    private static long SetsOf(nint rowStride, int elementSize) =>
        SetsOfFirstCache / (1L << BitOperations.TrailingZeroCount((rowStride * elementSize / Prefetching.Line) | SetsOfFirstCache));

    private static bool AreRowsWhole(in FlashCall call) =>
        call.Query.ColumnStride == 1 && call.Key.ColumnStride == 1 && call.Value.ColumnStride == 1 && call.Output.ColumnStride == 1;

    /// <summary>Bytes of a call's operands and results.</summary>
    private static long BytesOf(in FlashCall call)
    {
        ref readonly AttentionProblem problem = ref call.Problem;
        long queries = call.QueryStarts is null ? (long)problem.Batch * problem.QueryLength : call.QueryStarts[problem.Batch];
        long keys = call.KeyStarts is null ? (long)problem.Batch * problem.KeyLength : call.KeyStarts[problem.Batch];
        long dims = ((long)problem.HeadDim + problem.ValueDim) * call.Key.DType.Size();
        return (queries * problem.HeadCount + keys * problem.KvHeadCount) * dims;
    }

    private static bool AreHeadsAdjacent(in FlashCall call) =>
        IsAdjacent(call.Query, call.Problem.HeadDim) && IsAdjacent(call.Key, call.Problem.HeadDim)
        && IsAdjacent(call.Value, call.Problem.ValueDim) && IsAdjacent(call.Output, call.Problem.ValueDim);

    private static bool IsAdjacent(in FlashOperand operand, int dim) =>
        operand.ColumnStride == 1 && operand.HeadStride == dim;
}
