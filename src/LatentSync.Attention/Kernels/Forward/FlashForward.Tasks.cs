using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Decode;
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
    /// <param name="call">The call; checked.</param>
    /// <param name="team">Threads.</param>
    /// <param name="threads">Threads to use at most.</param>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    internal static void Run(in FlashCall call, IWorkTeam team, int threads)
    {
        var context = new FlashContext
        {
            Call = call,
            Plan = FlashPlan.Of(call, TLanes.Count, TLanes.TileVectors, sizeof(T), threads),
        };
        if (FlashDecode<TLanes, TVector, T>.Suits(call, context.Plan))
        {
            FlashDecode<TLanes, TVector, T>.Run(call, context.Plan, team, threads);
            return;
        }
        team.Run(context.Plan.Threads, &Work, &context);
    }

    private static void Work(void* context)
    {
        var shared = (FlashContext*)context;
        var parts = new WorkspaceParts(null);
        _ = new TaskMemory(ref parts, shared);
        parts = new WorkspaceParts(Workspace.OfThread(parts.Bytes));
        var memory = new TaskMemory(ref parts, shared);
        var tasks = new FlashTasks(shared);
        while (tasks.MoveNext())
        {
            if (shared->Plan.Staged)
            {
                RunStaged(shared, memory, tasks);
            }
            else if (shared->Plan.IsShort)
            {
                RunShort(shared, memory, tasks);
            }
            else
            {
                RunBlocks(shared, memory, tasks.Current);
            }
        }
    }

    /// <summary>A few blocks of queries of one key head over all their keys.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunBlocks(FlashContext* shared, in TaskMemory memory, long task)
    {
        ref readonly FlashCall call = ref shared->Call;
        ref readonly FlashPlan plan = ref shared->Plan;
        (int batch, int kvHead, _) = plan.FindHeads(call.Problem, task / plan.RowTasks);
        FlashSequence sequence = FlashSequence.Of(call, batch);
        int rows = sequence.QueryLength * plan.Group, firstRow = plan.FirstRow(task), row = firstRow;
        int blocks = 0, firstKey = int.MaxValue, endKey = 0;
        for (; blocks < plan.BlocksPerTask && row < rows; blocks++)
        {
            ref FlashBlock<T> block = ref memory.Blocks[blocks];
            Open(shared, memory, ref block, sequence, kvHead, row, Math.Min(plan.Lanes, rows - row));
            firstKey = Math.Min(firstKey, block.FirstOfAll);
            endKey = Math.Max(endKey, block.LastOfAll + 1);
            row += plan.Lanes;
        }
        // Blocks of keys begin at the same keys in every task, however many blocks of queries it has: that depends on the threads, the bits must not.
        for (int key = firstKey / plan.KeyBlock * plan.KeyBlock; key < endKey; key += plan.KeyBlock)
        {
            int count = Math.Min(plan.KeyBlock, endKey - key);
            FlashKeyBlock<T> keys = FlashKeyBlock<T>.Of(call, plan, sequence, kvHead, key, count, memory.Keys, memory.Values);
            bool isCold = TLanes.TileVectors == 4 && !plan.CopiesValues && Prefetching.IsSupported;
            for (int i = 0; i < blocks; i++)
            {
                ref FlashBlock<T> block = ref memory.Blocks[i];
                if (block.FirstOfAll < key + count && block.LastOfAll >= key)
                {
                    LinesAhead ahead = isCold ? ValuesAhead(shared, memory, sequence, block, kvHead, key, count) : default;
                    Attend(shared, memory.Scratch, ref block, batch, keys, isCold ? &ahead : null);
                    isCold = false;
                }
            }
        }
        for (int i = 0; i < blocks; i++)
        {
            CloseOrRepeat(shared, memory, ref memory.Blocks[i], batch, sequence, kvHead, firstRow + i * plan.Lanes);
        }
    }

    /// <summary>A few blocks of queries of one key head whose keys are one block: each block of queries from its beginning to its end. There is less to
    /// compute than to wait for memory: what comes next is asked for meanwhile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunShort(FlashContext* shared, in TaskMemory memory, in FlashTasks tasks)
    {
        ref readonly FlashCall call = ref shared->Call;
        ref readonly FlashPlan plan = ref shared->Plan;
        (int batch, int kvHead, _) = plan.FindHeads(call.Problem, tasks.Current / plan.RowTasks);
        FlashSequence sequence = FlashSequence.Of(call, batch);
        int row = plan.FirstRow(tasks.Current), end = Math.Min(row + plan.BlocksPerTask * plan.Lanes, sequence.QueryLength * plan.Group);
        if (row >= end)
        {
            return;
        }
        FlashKeyBlock<T> keys = FlashKeyBlock<T>.Of(call, plan, sequence, kvHead, 0, sequence.KeyLength, memory.Keys, memory.Values);
        ref FlashBlock<T> block = ref memory.Blocks[0];
        for (; row < end; row += plan.Lanes)
        {
            Open(shared, memory, ref block, sequence, kvHead, row, Math.Min(plan.Lanes, end - row));
            if (block.LastOfAll >= 0)
            {
                LinesAhead ahead = plan.AsksAhead ? BlockAhead(shared, memory, tasks, sequence, block, batch, kvHead, row, end) : default;
                Attend(shared, memory.Scratch, ref block, batch, keys with { Count = block.LastOfAll + 1 }, plan.AsksAhead ? &ahead : null);
            }
            CloseOrRepeat(shared, memory, ref block, batch, sequence, kvHead, row);
        }
    }

    /// <summary>Several heads of one sequence whose vectors lie side by side: their rows are copied whole, which reads and writes memory in
    /// long pieces, and each head is then one block of queries and one of keys.</summary>
    /// <remarks>In LatentSync's temporal attention the 16 frames of a position lie a multiple of 128 KiB apart: read head by head, all
    /// 64 rows (query, key, value, result) would compete for the same few cache lines.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunStaged(FlashContext* shared, in TaskMemory memory, in FlashTasks tasks)
    {
        ref readonly FlashCall call = ref shared->Call;
        ref readonly FlashPlan plan = ref shared->Plan;
        ref readonly AttentionProblem problem = ref call.Problem;
        (int batch, int head, int heads) = plan.FindHeads(problem, tasks.Current);
        int wide = heads * problem.HeadDim, valueWide = heads * problem.ValueDim;
        FlashSequence sequence = FlashSequence.Of(call, batch);
        FlashStaging.Read(call.Query, batch, head, sequence.QueryLength, wide, memory.Queries);
        FlashStaging.Read(call.Key, batch, head, sequence.KeyLength, wide, memory.Keys);
        FlashStaging.Read(call.Value, batch, head, sequence.KeyLength, valueWide, memory.Values);
        LinesAhead ahead = plan.AsksAhead ? StagedAhead(shared, memory, tasks, sequence, batch, head, heads) : default;
        for (int h = 0; h < heads; h++)
        {
            ref FlashBlock<T> block = ref memory.Blocks[0];
            SetSize(ref block, sequence.QueryLength);
            FindStaged(memory.Queries + h * problem.HeadDim, wide, block, memory.Rows, null);
            Begin(shared, memory, ref block, sequence, head + h, 0);
            var keys = new FlashKeyBlock<T>
            {
                Keys = memory.Keys + h * problem.HeadDim,
                KeyStride = wide,
                Values = memory.Values + h * problem.ValueDim,
                ValueStride = valueWide,
                First = 0,
                Count = sequence.KeyLength,
            };
            if (sequence.KeyLength > 0)
            {
                Attend(shared, memory.Scratch, ref block, batch, keys, plan.AsksAhead ? &ahead : null);
                if (plan.MayHide && !IsFinite(block, problem.ValueDim))
                {
                    BeginAgain(ref block);
                    Attend(shared, memory.Scratch, ref block, batch, keys, null);
                }
            }
            // A head's queries are not needed any more: its result takes their place where it fits.
            FindStaged(memory.Results + h * problem.ValueDim, valueWide, block, memory.Rows, memory.Waste);
            End(shared, memory, block, sequence);
        }
        FlashStaging.Write(memory.Results, call.Output, batch, head, sequence.QueryLength, valueWide);
    }

    /// <summary>Brings a block's queries into the lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Open(
        FlashContext* shared, in TaskMemory memory, ref FlashBlock<T> block, in FlashSequence sequence, int kvHead, int firstRow, int count)
    {
        ref readonly FlashCall call = ref shared->Call;
        SetSize(ref block, count);
        sequence.FindRows(call.Query, shared->Plan.Group, kvHead, firstRow, count, block.Vectors * TLanes.Count, memory.Rows);
        if (call.Query.DType.Size() != sizeof(T) || call.Query.ColumnStride != 1)
        {
            for (int i = 0; i < count; i++)
            {
                T* stage = memory.RowStage + (nint)i * memory.RowWidth;
                RowConversion.Read(memory.Rows[i], call.Query.DType, call.Query.ColumnStride, stage, call.Problem.HeadDim);
                memory.Rows[i] = stage;
            }
            new Span<nint>(memory.Rows + count, block.Vectors * TLanes.Count - count).Fill((nint)memory.Rows[count - 1]);
        }
        Begin(shared, memory, ref block, sequence, kvHead, firstRow);
    }

    private static void SetSize(ref FlashBlock<T> block, int count)
    {
        block.Count = count;
        block.Vectors = FlashPlan.VectorsFor(count, TLanes.Count);
    }

    /// <summary>Addresses of a head's rows in the stage; lanes that are no query repeat the last one, or go to waste.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FindStaged(T* first, nint stride, in FlashBlock<T> block, T** rows, T* waste)
    {
        int lanes = block.Vectors * TLanes.Count;
        for (int i = 0; i < lanes; i++)
        {
            rows[i] = i < block.Count ? first : waste is null ? rows[i - 1] : waste;
            first += stride;
        }
    }

    /// <summary>Transposes the queries at <see cref="TaskMemory.Rows"/> and finds the keys that each lane sees.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Begin(
        FlashContext* shared, in TaskMemory memory, ref FlashBlock<T> block, in FlashSequence sequence, int kvHead, int firstRow)
    {
        ref readonly FlashCall call = ref shared->Call;
        ref readonly FlashPlan plan = ref shared->Plan;
        block.LeavesOutZeros = false;
        int lanes = block.Vectors * TLanes.Count;
        Transposition.ToLanes<TLanes, TVector, T>(memory.Rows, call.Problem.HeadDim, block.Query, block.Vectors);
        Clear(ref block);
        sequence.FindKeys(call, plan, ref block, kvHead, firstRow, lanes);
    }

    /// <summary>No key was seen yet.</summary>
    private static void Clear(ref FlashBlock<T> block)
    {
        block.HasResult = false;
        TVector hidden = TLanes.Broadcast(NegativeInfinity);
        for (int v = 0; v < block.Vectors * TLanes.Count; v += TLanes.Count)
        {
            TLanes.Store(hidden, block.Maximum + v);
            TLanes.Store(default, block.Sum + v);
        }
    }

    /// <summary>The block's queries once more, this time without the terms of weight zero.</summary>
    private static void BeginAgain(ref FlashBlock<T> block)
    {
        Clear(ref block);
        block.LeavesOutZeros = true;
    }

    private static bool IsFinite(in FlashBlock<T> block, int valueDim) =>
        !block.HasResult || Elementwise<TLanes, TVector, T>.IsFinite(block.Result, (long)valueDim * block.Vectors * TLanes.Count);

    /// <summary>Writes a block out; before that, where keys may be hidden and the result is not finite, it is computed once more with care.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CloseOrRepeat(
        FlashContext* shared, in TaskMemory memory, ref FlashBlock<T> block, int batch, in FlashSequence sequence, int kvHead, int firstRow)
    {
        ref readonly FlashPlan plan = ref shared->Plan;
        if (plan.MayHide && !IsFinite(block, shared->Call.Problem.ValueDim))
        {
            BeginAgain(ref block);
            for (int key = block.FirstOfAll / plan.KeyBlock * plan.KeyBlock; key <= block.LastOfAll; key += plan.KeyBlock)
            {
                int count = Math.Min(plan.KeyBlock, block.LastOfAll + 1 - key);
                FlashKeyBlock<T> keys = FlashKeyBlock<T>.Of(shared->Call, plan, sequence, kvHead, key, count, memory.Keys, memory.Values);
                Attend(shared, memory.Scratch, ref block, batch, keys, null);
            }
        }
        Close(shared, memory, block, sequence, kvHead, firstRow);
    }

    /// <summary>Divides a block's result and writes it out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Close(
        FlashContext* shared, in TaskMemory memory, in FlashBlock<T> block, in FlashSequence sequence, int kvHead, int firstRow)
    {
        ref readonly FlashCall call = ref shared->Call;
        int lanes = block.Vectors * TLanes.Count;
        bool isPlain = call.Output.DType.Size() == sizeof(T) && call.Output.ColumnStride == 1;
        if (isPlain)
        {
            sequence.FindRows(call.Output, shared->Plan.Group, kvHead, firstRow, block.Count, block.Count, memory.Rows);
            new Span<nint>(memory.Rows + block.Count, lanes - block.Count).Fill((nint)memory.Waste);
        }
        else
        {
            FindStaged(memory.RowStage, memory.RowWidth, block, memory.Rows, memory.Waste);
        }
        End(shared, memory, block, sequence);
        if (!isPlain)
        {
            sequence.FindRows(call.Output, shared->Plan.Group, kvHead, firstRow, block.Count, block.Count, memory.Rows);
            for (int i = 0; i < block.Count; i++)
            {
                T* stage = memory.RowStage + (nint)i * memory.RowWidth;
                RowConversion.Write(stage, memory.Rows[i], call.Output.DType, call.Output.ColumnStride, call.Problem.ValueDim);
            }
        }
    }

    /// <summary>Divides a block's result and transposes it to <see cref="TaskMemory.Rows"/>; logsumexp where it is wanted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void End(FlashContext* shared, in TaskMemory memory, in FlashBlock<T> block, in FlashSequence sequence)
    {
        ref readonly FlashCall call = ref shared->Call;
        int lanes = block.Vectors * TLanes.Count, valueDim = call.Problem.ValueDim;
        if (!block.HasResult)
        {
            new Span<T>(block.Result, lanes * valueDim).Clear();
        }
        T* factors = stackalloc T[lanes];
        TVector zero = default, one = Exponential.Constant<TLanes, TVector, T>(1);
        for (int v = 0; v < lanes; v += TLanes.Count)
        {
            TVector sum = TLanes.Load(block.Sum + v);
            TLanes.Store(TLanes.Select(TLanes.EqualTo(sum, zero), zero, TLanes.Divide(one, sum)), factors + v);
        }
        Transposition.ToRows<TLanes, TVector, T>(block.Result, block.Vectors, factors, memory.Rows, valueDim);
        if (call.LogSumExp is not null)
        {
            for (int i = 0; i < block.Count; i++)
            {
                double maximum = FlashSoftmax<TLanes, TVector, T>.Scaled(shared->Plan, Exponential.ToDouble(block.Maximum[i]));
                ((T*)call.LogSumExp)[sequence.LogSumExpIndex(call, block.Head[i], block.Position[i])] =
                    Exponential.Number<T>(shared->Plan.LogSumExp(maximum, Exponential.ToDouble(block.Sum[i])));
            }
        }
    }

    /// <summary>A thread's workspace, cut up.</summary>
    private readonly ref struct TaskMemory
    {
        internal readonly FlashScratch<T> Scratch;
        internal readonly FlashBlock<T>* Blocks;
        internal readonly T* Queries;
        internal readonly T* Keys;
        internal readonly T* Values;
        internal readonly T* Results;
        internal readonly T** Rows;
        internal readonly T* RowStage;
        internal readonly T* Waste;
        internal readonly int RowWidth;
        internal readonly byte** Ahead; // rows to ask for
        internal readonly int MostAhead;

        internal TaskMemory(ref WorkspaceParts parts, FlashContext* shared)
        {
            ref readonly FlashPlan plan = ref shared->Plan;
            ref readonly FlashCall call = ref shared->Call;
            int headDim = call.Problem.HeadDim, valueDim = call.Problem.ValueDim, lanes = plan.Lanes;
            RowWidth = Math.Max(headDim, valueDim);
            Scratch = FlashScratch<T>.Of(ref parts, plan, call, isBackward: false);
            Rows = (T**)parts.Take<nint>(lanes);
            Waste = parts.Take<T>(valueDim);
            MostAhead = 2 * (lanes + plan.KeyBlock); // a block's results and the next one's queries, keys and values
            Ahead = (byte**)parts.Take<nint>(MostAhead);
            if (plan.Staged)
            {
                Queries = parts.Take<T>((long)call.Problem.QueryLength * plan.HeadsPerTask * headDim);
                Keys = parts.Take<T>((long)call.Problem.KeyLength * plan.HeadsPerTask * headDim);
                Values = parts.Take<T>((long)call.Problem.KeyLength * plan.HeadsPerTask * valueDim);
                Results = headDim == valueDim ? Queries : parts.Take<T>((long)call.Problem.QueryLength * plan.HeadsPerTask * valueDim);
            }
            else
            {
                Keys = plan.Direct ? null : parts.Take<T>((long)plan.KeyBlock * headDim);
                Values = plan.CopiesValues ? parts.Take<T>((long)plan.KeyBlock * plan.ValueStride) : null;
                RowStage = parts.Take<T>((long)lanes * RowWidth);
            }
            int blocks = plan.IsShort ? 1 : plan.BlocksPerTask;
            Blocks = parts.Take<FlashBlock<T>>(blocks);
            for (int i = 0; i < blocks; i++)
            {
                var block = new FlashBlock<T>
                {
                    Query = parts.Take<T>((long)headDim * lanes),
                    Result = parts.Take<T>((long)valueDim * lanes),
                    Maximum = parts.Take<T>(lanes),
                    Sum = parts.Take<T>(lanes),
                    FirstKey = parts.Take<int>(lanes),
                    LastKey = parts.Take<int>(lanes),
                    Position = parts.Take<int>(lanes),
                    Diagonal = parts.Take<int>(lanes),
                    Head = parts.Take<int>(lanes),
                };
                if (!parts.IsCounting)
                {
                    Blocks[i] = block;
                }
            }
        }
    }
}
