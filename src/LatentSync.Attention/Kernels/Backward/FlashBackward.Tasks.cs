using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Kernels.Threads;
using LatentSync.Attention.Problems;

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
            Forward = new FlashContext
            {
                Call = call.Forward,
                Plan = FlashPlan.ForBackward(call, TLanes.Count, TLanes.TileVectors, sizeof(T), threads),
            },
        };
        FindRowsOfLargeScores(ref context, team);
        if (context.Forward.Plan.IsWhole)
        {
            Run(ref context, GradientPass.All, (long)call.Forward.Problem.Batch * context.Forward.Plan.HeadTasks, team);
            return;
        }
        Run(ref context, GradientPass.KeysAndValues, context.Forward.Plan.Heads * context.Forward.Plan.KeyTasks, team);
        Run(ref context, GradientPass.Queries, context.Forward.Plan.Heads * context.Forward.Plan.RowTasks, team);
    }

    private static void Run(ref FlashGradientContext context, GradientPass pass, long tasks, IWorkTeam team)
    {
        ref FlashPlan plan = ref context.Forward.Plan;
        context.Pass = pass;
        context.Forward.NextTask = 0;
        plan.SetTasks(tasks);
        fixed (FlashGradientContext* shared = &context)
        {
            team.Run((int)Math.Min(plan.Threads, Math.Max(plan.Tasks, 1)), &Work, shared);
        }
    }

    private static void Work(void* context)
    {
        var shared = (FlashGradientContext*)context;
        var parts = new WorkspaceParts(null);
        _ = new GradientMemory(ref parts, shared);
        parts = new WorkspaceParts(Workspace.OfThread(parts.Bytes));
        var memory = new GradientMemory(ref parts, shared);
        var tasks = new FlashTasks(&shared->Forward);
        while (tasks.MoveNext())
        {
            RunTask(shared, memory, tasks);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunTask(FlashGradientContext* shared, in GradientMemory memory, in FlashTasks tasks)
    {
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        ref readonly FlashCall call = ref shared->Forward.Call;
        switch (shared->Pass)
        {
            case GradientPass.All:
                RunHeads(shared, memory, tasks);
                return;
            case GradientPass.Softmax:
                RunSoftmax(shared, memory, tasks.Current);
                return;
        }
        long task = tasks.Current;
        int parts = shared->Pass == GradientPass.Queries ? plan.RowTasks : plan.KeyTasks, part = (int)(task % parts);
        (int batch, int kvHead, _) = plan.FindHeads(call.Problem, task / parts);
        FlashSequence sequence = FlashSequence.Of(call, batch);
        int rows = sequence.QueryLength * plan.Group;
        if (shared->Pass == GradientPass.KeysAndValues)
        {
            int firstKey = part * plan.KeysPerTask;
            RunKeys(shared, memory, tasks, sequence, batch, kvHead, firstKey, Math.Min(firstKey + plan.KeysPerTask, sequence.KeyRoom), wantsQuery: false, null);
        }
        else if (part * plan.Lanes < rows)
        {
            int row = part * plan.Lanes;
            if (!RunRows(shared, memory, tasks, sequence, batch, kvHead, row, rows, 0, sequence.KeyLength, null, null, wantsQuery: true, leavesOutZeros: false, null))
            {
                RunRows(shared, memory, tasks, sequence, batch, kvHead, row, rows, 0, sequence.KeyLength, null, null, wantsQuery: true, leavesOutZeros: true, null);
            }
        }
    }

    /// <summary>All gradients of some key heads of a sequence. Staged heads' rows are copied whole, in and out, as in the forward pass.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunHeads(FlashGradientContext* shared, in GradientMemory memory, in FlashTasks tasks)
    {
        (int batch, int first, int heads) = shared->Forward.Plan.FindHeads(shared->Forward.Call.Problem, tasks.Current);
        FlashSequence sequence = FlashSequence.Of(shared->Forward.Call, batch);
        int queries = sequence.QueryLength, keys = sequence.KeyLength, keyRoom = sequence.KeyRoom;
        if (!shared->Forward.Plan.Staged)
        {
            RunKeys(shared, memory, tasks, sequence, batch, first, 0, keyRoom, wantsQuery: true, null);
            return;
        }
        ref readonly AttentionProblem problem = ref shared->Forward.Call.Problem;
        int headDim = problem.HeadDim, valueDim = problem.ValueDim;
        FlashGradientContext staged = *shared;
        T* room = memory.Stage;
        staged.Forward.Plan.Direct = true;
        staged.Forward.Plan.CopiesValues = false;
        staged.Forward.Call.Query = In(shared->Forward.Call.Query, queries, headDim);
        staged.Forward.Call.Key = In(shared->Forward.Call.Key, keys, headDim);
        staged.Forward.Call.Value = In(shared->Forward.Call.Value, keys, valueDim);
        staged.Forward.Call.Output = In(shared->Forward.Call.Output, queries, valueDim);
        staged.Gradients.OutputGradient = In(shared->Gradients.OutputGradient, queries, valueDim);
        staged.Gradients.QueryGradient = Place(queries, headDim);
        staged.Gradients.KeyGradient = Place(keyRoom, headDim);
        staged.Gradients.ValueGradient = Place(keyRoom, valueDim);
        bool asks = shared->Forward.Plan.AsksAhead;
        LinesAhead ahead = asks ? StagedAhead(shared, memory, tasks, sequence, batch, first, heads) : default;
        for (int h = 0; h < heads; h++)
        {
            RunKeys(&staged, memory, tasks, sequence, batch, first + h, 0, keyRoom, wantsQuery: true, asks ? &ahead : null);
        }
        Out(staged.Gradients.QueryGradient, shared->Gradients.QueryGradient, queries, headDim);
        Out(staged.Gradients.KeyGradient, shared->Gradients.KeyGradient, keyRoom, headDim);
        Out(staged.Gradients.ValueGradient, shared->Gradients.ValueGradient, keyRoom, valueDim);

        // Where rows of all heads lie in the stage, as an operand whose heads and sequences are counted as before.
        FlashOperand Place(int length, int dim)
        {
            T* start = room;
            room += (nint)length * heads * dim;
            AttentionDType dtype = sizeof(T) == sizeof(double) ? AttentionDType.Float64 : AttentionDType.Float32;
            return new FlashOperand((nint)(start - (nint)first * dim), dtype, 0, dim, (nint)heads * dim, 1);
        }

        FlashOperand In(in FlashOperand operand, int length, int dim)
        {
            FlashOperand place = Place(length, dim);
            FlashStaging.Read(operand, batch, first, length, heads * dim, (T*)place.Row(batch, first, 0));
            return place;
        }

        void Out(in FlashOperand place, in FlashOperand operand, int length, int dim) =>
            FlashStaging.Write((T*)place.Row(batch, first, 0), operand, batch, first, length, heads * dim);
    }

    /// <summary>Gradients of some keys and their values from all queries, and on the way those of the queries where a task has all keys.
    /// Keys not in use are seen by no query: zeros. Where keys may be hidden and a gradient is not finite, all are computed once more, without the terms of
    /// weight zero: what a hidden key or its value holds, or a query that sees no key, must reach nothing.</summary>
    private static void RunKeys(
        FlashGradientContext* shared, in GradientMemory memory, in FlashTasks tasks, in FlashSequence sequence, int batch, int kvHead, int firstKey, int endKey,
        bool wantsQuery, LinesAhead* ahead)
    {
        if (!RunKeys(shared, memory, tasks, sequence, batch, kvHead, firstKey, endKey, wantsQuery, leavesOutZeros: false, ahead))
        {
            RunKeys(shared, memory, tasks, sequence, batch, kvHead, firstKey, endKey, wantsQuery, leavesOutZeros: true, null);
        }
    }

    /// <summary>The same, with or without the terms of weight zero.</summary>
    /// <returns>False where nothing was written but gradients of queries, because it has to be done without the terms of weight zero.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool RunKeys(
        FlashGradientContext* shared, in GradientMemory memory, in FlashTasks tasks, in FlashSequence sequence, int batch, int kvHead, int firstKey, int endKey,
        bool wantsQuery, bool leavesOutZeros, LinesAhead* ahead)
    {
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        ref readonly FlashCall call = ref shared->Forward.Call;
        int keys = Math.Max(endKey - firstKey, 0), rows = sequence.QueryLength * plan.Group;
        new Span<T>(memory.KeySums, keys * memory.PaddedHeadDim).Clear();
        new Span<T>(memory.ValueSums, keys * memory.PaddedValueDim).Clear();
        for (int row = 0; row < rows; row += plan.Lanes)
        {
            if (!RunRows(
                shared, memory, tasks, sequence, batch, kvHead, row, rows, firstKey, endKey, memory.KeySums, memory.ValueSums, wantsQuery, leavesOutZeros, ahead))
            {
                return false;
            }
        }
        if (plan.MayHide && !leavesOutZeros && !(Elementwise<TLanes, TVector, T>.IsFinite(memory.KeySums, (long)keys * memory.PaddedHeadDim)
            && Elementwise<TLanes, TVector, T>.IsFinite(memory.ValueSums, (long)keys * memory.PaddedValueDim)))
        {
            return false;
        }
        Elementwise<TLanes, TVector, T>.Multiply(memory.KeySums, call.Problem.EffectiveScale, (long)keys * memory.PaddedHeadDim);
        for (int j = 0; j < keys; j++)
        {
            nint place = sequence.KeyStart + firstKey + j;
            Write(memory.KeySums + (nint)j * memory.PaddedHeadDim, shared->Gradients.KeyGradient, sequence.KeyBatch, kvHead, place, call.Problem.HeadDim);
            Write(memory.ValueSums + (nint)j * memory.PaddedValueDim, shared->Gradients.ValueGradient, sequence.KeyBatch, kvHead, place, call.Problem.ValueDim);
        }
        return true;
    }

    /// <summary>A block of queries, without them.</summary>
    private static FlashBlock<T> BlockOf(FlashGradientContext* shared, in GradientMemory memory, in FlashSequence sequence, int kvHead, int row, int rows)
    {
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        FlashBlock<T> block = memory.Block;
        block.Count = Math.Min(plan.Lanes, rows - row);
        block.Vectors = FlashPlan.VectorsFor(block.Count, TLanes.Count);
        sequence.FindKeys(shared->Forward.Call, plan, ref block, kvHead, row, block.Vectors * TLanes.Count);
        return block;
    }

    /// <summary>One block of queries against a range of keys.</summary>
    /// <returns>False where the queries' gradients have to be computed without the terms of weight zero.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool RunRows(
        FlashGradientContext* shared, in GradientMemory memory, in FlashTasks tasks, in FlashSequence sequence, int batch, int kvHead, int row, int rows,
        int firstKey, int endKey, T* keySums, T* valueSums, bool wantsQuery, bool leavesOutZeros, LinesAhead* ahead)
    {
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        ref readonly FlashCall call = ref shared->Forward.Call;
        int headDim = call.Problem.HeadDim;
        FlashBlock<T> block = BlockOf(shared, memory, sequence, kvHead, row, rows);
        block.LeavesOutZeros = leavesOutZeros;
        int lanes = block.Vectors * TLanes.Count;
        (int first, int end) = (Math.Max(firstKey, block.FirstOfAll), Math.Min(endKey, block.LastOfAll + 1));
        if (first >= end && !wantsQuery)
        {
            return true;
        }
        Open(shared, memory, ref block, sequence, kvHead, row, lanes);
        if (wantsQuery)
        {
            new Span<T>(memory.QueryGradient, headDim * lanes).Clear();
        }
        bool asks = ahead is null && plan.AsksAhead;
        LinesAhead own = asks ? BlockAhead(shared, memory, tasks, sequence, block, kvHead, row, rows, end - first) : default;
        ahead = asks ? &own : ahead;
        for (int key = first; key < end; key += plan.KeyBlock)
        {
            int n = Math.Min(plan.KeyBlock, end - key);
            FlashKeyBlock<T> keys = FlashKeyBlock<T>.Of(call, plan, sequence, kvHead, key, n, memory.Keys, memory.Values);
            Propagate(shared, memory, block, batch, keys,
                keySums is null ? null : keySums + (nint)(key - firstKey) * memory.PaddedHeadDim,
                valueSums is null ? null : valueSums + (nint)(key - firstKey) * memory.PaddedValueDim, wantsQuery, ahead);
        }
        if (wantsQuery)
        {
            if (plan.MayHide && !leavesOutZeros && !Elementwise<TLanes, TVector, T>.IsFinite(memory.QueryGradient, (long)headDim * lanes))
            {
                return false;
            }
            Close(shared, memory, block, sequence, kvHead, row, lanes);
        }
        return true;
    }

    /// <summary>Brings a block's queries and the gradients of its results into the lanes, as rows and transposed, with what each row needs:
    /// its logsumexp and Δ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Open(
        FlashGradientContext* shared, in GradientMemory memory, ref FlashBlock<T> block, in FlashSequence sequence, int kvHead, int row, int lanes)
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        int group = shared->Forward.Plan.Group;
        Stage(call.Query, memory, block, sequence, group, kvHead, row, memory.QueryRows, memory.PaddedHeadDim, call.Problem.HeadDim);
        Stage(shared->Gradients.OutputGradient, memory, block, sequence, group, kvHead, row, memory.ResultGradientRows, memory.PaddedValueDim, call.Problem.ValueDim);
        // The results are needed for Δ only; they pass through the room of the weights' gradients, row by row.
        sequence.FindRows(call.Output, group, kvHead, row, block.Count, block.Count, memory.Rows);
        for (int i = 0; i < block.Count; i++)
        {
            T* result = memory.ResultRow;
            RowConversion.Read(memory.Rows[i], call.Output.DType, call.Output.ColumnStride, result, call.Problem.ValueDim);
            new Span<T>(result + call.Problem.ValueDim, memory.PaddedValueDim - call.Problem.ValueDim).Clear();
            memory.Delta[i] = Elementwise<TLanes, TVector, T>.Dot(result, memory.ResultGradientRows + (nint)i * memory.PaddedValueDim, memory.PaddedValueDim);
            memory.Shift[i] = ((T*)call.LogSumExp)[sequence.LogSumExpIndex(call, block.Head[i], block.Position[i])];
        }
        for (int i = block.Count; i < lanes; i++)
        {
            (memory.Delta[i], memory.Shift[i]) = (memory.Delta[block.Count - 1], memory.Shift[block.Count - 1]);
        }
        SetShift(shared, memory, ref block, sequence, lanes);
        Transpose(memory, memory.QueryRows, memory.PaddedHeadDim, block, lanes, call.Problem.HeadDim, block.Query);
        Transpose(memory, memory.ResultGradientRows, memory.PaddedValueDim, block, lanes, call.Problem.ValueDim, memory.ResultGradient);
        for (int i = 0; block.LeavesOutZeros && i < block.Count; i++)
        {
            if (double.IsPositiveInfinity(Exponential.ToDouble(memory.Shift[i])))
            {
                // Sees no key: all its weights are zero.
                new Span<T>(memory.QueryRows + (nint)i * memory.PaddedHeadDim, memory.PaddedHeadDim).Clear();
                new Span<T>(memory.ResultGradientRows + (nint)i * memory.PaddedValueDim, memory.PaddedValueDim).Clear();
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Stage(
        in FlashOperand operand, in GradientMemory memory, in FlashBlock<T> block, in FlashSequence sequence, int group, int kvHead, int row,
        T* destination, int width, int dim)
    {
        sequence.FindRows(operand, group, kvHead, row, block.Count, block.Count, memory.Rows);
        for (int i = 0; i < block.Count; i++, destination += width)
        {
            RowConversion.Read(memory.Rows[i], operand.DType, operand.ColumnStride, destination, dim);
            new Span<T>(destination + dim, width - dim).Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(in GradientMemory memory, T* rows, int width, in FlashBlock<T> block, int lanes, int dim, T* destination)
    {
        for (int i = 0; i < lanes; i++)
        {
            memory.Rows[i] = rows + (nint)Math.Min(i, block.Count - 1) * width;
        }
        Transposition.ToLanes<TLanes, TVector, T>(memory.Rows, dim, destination, block.Vectors);
    }

    /// <summary>Writes a block's query gradients, times the scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Close(
        FlashGradientContext* shared, in GradientMemory memory, in FlashBlock<T> block, in FlashSequence sequence, int kvHead, int row, int lanes)
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        T* factors = memory.Shift; // not needed any more
        new Span<T>(factors, lanes).Fill(Exponential.Number<T>(call.Problem.EffectiveScale));
        for (int i = 0; i < lanes; i++)
        {
            memory.Rows[i] = i < block.Count ? memory.QueryRows + (nint)i * memory.PaddedHeadDim : memory.ResultRow;
        }
        Transposition.ToRows<TLanes, TVector, T>(memory.QueryGradient, block.Vectors, factors, memory.Rows, call.Problem.HeadDim);
        sequence.FindRows(shared->Gradients.QueryGradient, shared->Forward.Plan.Group, kvHead, row, block.Count, block.Count, memory.Rows);
        for (int i = 0; i < block.Count; i++)
        {
            FlashOperand gradient = shared->Gradients.QueryGradient;
            RowConversion.Write(memory.QueryRows + (nint)i * memory.PaddedHeadDim, memory.Rows[i], gradient.DType, gradient.ColumnStride, call.Problem.HeadDim);
        }
    }

    private static void Write(T* source, in FlashOperand operand, int batch, int head, nint row, int dim) =>
        RowConversion.Write(source, operand.Row(batch, head, row), operand.DType, operand.ColumnStride, dim);

    /// <summary>A thread's workspace, cut up.</summary>
    private readonly ref struct GradientMemory
    {
        internal readonly FlashScratch<T> Scratch;
        internal readonly FlashBlock<T> Block;
        internal readonly T* WeightGradients; // (keys of a block, lanes)
        internal readonly T* QueryRows; // (lanes, D padded)
        internal readonly T* ResultGradientRows; // (lanes, Dv padded)
        internal readonly T* ResultGradient; // (Dv, lanes)
        internal readonly T* QueryGradient; // (D, lanes)
        internal readonly T* ResultRow; // one row
        internal readonly T* Delta; // per lane
        internal readonly T* Shift; // per lane
        internal readonly T* Share; // per lane
        internal readonly T** Rows; // per lane
        internal readonly T* Keys; // (keys of a block, D)
        internal readonly T* Values; // (keys of a block, Dv)
        internal readonly T* KeySums; // (keys of a task, D padded)
        internal readonly T* ValueSums; // (keys of a task, Dv padded)
        internal readonly byte** Ahead; // rows to ask for
        internal readonly int MostAhead;
        internal readonly T* Stage; // rows of several heads, of all operands and gradients
        internal readonly int PaddedHeadDim;
        internal readonly int PaddedValueDim;

        internal GradientMemory(ref WorkspaceParts parts, FlashGradientContext* shared)
        {
            ref readonly FlashPlan plan = ref shared->Forward.Plan;
            ref readonly FlashCall call = ref shared->Forward.Call;
            int headDim = call.Problem.HeadDim, valueDim = call.Problem.ValueDim, lanes = plan.Lanes;
            PaddedHeadDim = (headDim + TLanes.Count - 1) / TLanes.Count * TLanes.Count;
            PaddedValueDim = (valueDim + TLanes.Count - 1) / TLanes.Count * TLanes.Count;
            Scratch = FlashScratch<T>.Of(ref parts, plan, call, isBackward: true);
            WeightGradients = parts.Take<T>((long)plan.KeyBlock * lanes);
            QueryRows = parts.Take<T>((long)lanes * PaddedHeadDim);
            ResultGradientRows = parts.Take<T>((long)lanes * PaddedValueDim);
            ResultGradient = parts.Take<T>((long)valueDim * lanes);
            QueryGradient = parts.Take<T>((long)headDim * lanes);
            ResultRow = parts.Take<T>(Math.Max(PaddedHeadDim, PaddedValueDim));
            Delta = parts.Take<T>(lanes);
            Shift = parts.Take<T>(lanes);
            Share = parts.Take<T>(lanes);
            Rows = (T**)parts.Take<nint>(lanes);
            MostAhead = 4 * (lanes + plan.KeyBlock); // gradients of queries, keys and values; the next queries, results, their gradients, keys and values
            Ahead = (byte**)parts.Take<nint>(MostAhead);
            Keys = plan.Direct ? null : parts.Take<T>((long)plan.KeyBlock * headDim);
            Values = plan.CopiesValues ? parts.Take<T>((long)plan.KeyBlock * plan.ValueStride) : null;
            long keys = shared->Pass == GradientPass.Queries ? 0 : plan.KeysPerTask;
            KeySums = parts.Take<T>(keys * PaddedHeadDim);
            ValueSums = parts.Take<T>(keys * PaddedValueDim);
            Stage = plan.Staged
                ? parts.Take<T>(2L * plan.HeadsPerTask * (headDim + valueDim) * (call.Problem.QueryLength + call.Problem.KeyLength))
                : null;
            Block = new FlashBlock<T>
            {
                Query = parts.Take<T>((long)headDim * lanes),
                Maximum = parts.Take<T>(lanes),
                Sum = parts.Take<T>(lanes),
                FirstKey = parts.Take<int>(lanes),
                LastKey = parts.Take<int>(lanes),
                Position = parts.Take<int>(lanes),
                Diagonal = parts.Take<int>(lanes),
                Head = parts.Take<int>(lanes),
            };
        }
    }
}
