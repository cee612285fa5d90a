using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels;

/// <summary>
/// A few queries against many keys, as in decoding with a key-value cache: bound by reading keys and values once. The keys are split among
/// the tasks, and their parts joined by their logsumexp (flash-decoding: Dao, Haziza, Massa, Sizov, 2023).
/// </summary>
/// <remarks>
/// Here the elements of a vector lie in the lanes, so that a key and a value are each read from end to end, once, four at a time, for all
/// queries that share them. Per piece of <see cref="Piece"/> keys: scores by dot products, the online softmax over the piece with keys in
/// the lanes, then result += weight · value. Scores that get more than the scale pass through <see cref="FlashScores{TLanes, TVector, T}"/>,
/// with queries in the lanes. Splits depend on the sizes only and are joined in order: the same bits with any number of threads.
/// </remarks>
internal static unsafe class FlashDecode<TLanes, TVector, T>
    where TLanes : ILanes<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>Keys at a time; a multiple of every W and of 4.</summary>
    private const int Piece = 128;

    /// <summary>Keys that are read, and values that are added, at a time.</summary>
    private const int ValuesAtOnce = 4;

    /// <summary>Keys of a split at least.</summary>
    private const int LeastSplit = 512;

    /// <summary>Whether a call is one: few queries, many keys, no weights dropped.</summary>
    internal static bool Suits(in FlashCall call, in FlashPlan plan) =>
        plan.Rows is > 0 and <= FlashPlan.MostDecodeRows && call.Problem.KeyLength >= 2 * Piece && !plan.Drops;

    /// <summary>Computes a call.</summary>
    /// <param name="call">The call; checked.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="team">Threads.</param>
    /// <param name="threads">Threads to use at most.</param>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    internal static void Run(in FlashCall call, FlashPlan plan, IWorkTeam team, int threads)
    {
        long splits = Math.Min(call.Problem.KeyLength / LeastSplit, (FlashPlan.DecodeTasks + plan.Heads - 1) / Math.Max(plan.Heads, 1));
        plan.KeyTasks = (int)Math.Max(splits, 1);
        plan.KeysPerTask = ((call.Problem.KeyLength + plan.KeyTasks - 1) / plan.KeyTasks + Piece - 1) / Piece * Piece;
        plan.Threads = (int)Math.Clamp(plan.Heads * plan.KeyTasks, 1, plan.HeadWork * plan.Heads < FlashPlan.WorthAThread ? 1 : threads);
        plan.SetTasks(plan.Heads * plan.KeyTasks);
        long partSize = PartSize(call, plan);
        var context = new DecodeContext { Forward = new FlashContext { Call = call, Plan = plan } };
        context.Parts = Workspace.OfCall(plan.Tasks * partSize * sizeof(T));
        team.Run(plan.Threads, &Work, &context);
        for (long head = 0; head < plan.Heads; head++)
        {
            Join(context, head, (T*)context.Parts + head * plan.KeyTasks * partSize, partSize);
        }
    }

    /// <summary>Elements of a task's part: per query maximum, sum and result.</summary>
    private static long PartSize(in FlashCall call, in FlashPlan plan) => plan.Rows * (2L + Padded(call.Problem.ValueDim));

    private static int Padded(int dim) => (dim + TLanes.Count - 1) / TLanes.Count * TLanes.Count;

    private static void Work(void* context)
    {
        var shared = (DecodeContext*)context;
        ref readonly FlashCall call = ref shared->Forward.Call;
        var parts = new WorkspaceParts(null);
        _ = new DecodeMemory(ref parts, call, shared->Forward.Plan);
        parts = new WorkspaceParts(Workspace.OfThread(parts.Bytes));
        var memory = new DecodeMemory(ref parts, call, shared->Forward.Plan);
        while (shared->Forward.Take(out long first, out long end))
        {
            for (long task = first; task < end; task++)
            {
                RunTask(shared, memory, task);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunTask(DecodeContext* shared, in DecodeMemory memory, long task)
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        long head = task / plan.KeyTasks;
        int batch = (int)(head / call.Problem.KvHeadCount), kvHead = (int)(head % call.Problem.KvHeadCount);
        int width = Padded(call.Problem.ValueDim), queryWidth = Padded(call.Problem.HeadDim);
        FlashSequence sequence = FlashSequence.Of(call, batch);
        int rows = sequence.QueryLength * plan.Group;
        if (rows == 0)
        {
            return;
        }
        T* part = (T*)shared->Parts + task * PartSize(call, plan);
        T* maximum = part, sum = part + rows, results = part + 2 * rows;
        new Span<T>(maximum, rows).Fill(Exponential.Number<T>(double.NegativeInfinity));
        new Span<T>(sum, rows * (1 + width)).Clear();
        FlashBlock<T> block = memory.Block;
        block.Count = rows;
        block.Vectors = FlashPlan.VectorsFor(rows, TLanes.Count);
        sequence.FindKeys(call, plan, ref block, kvHead, 0, block.Vectors * TLanes.Count);
        sequence.FindRows(call.Query, plan.Group, kvHead, 0, rows, rows, memory.Rows);
        for (int r = 0; r < rows; r++)
        {
            RowConversion.Read(memory.Rows[r], call.Query.DType, call.Query.ColumnStride, memory.Query + r * queryWidth, call.Problem.HeadDim);
            new Span<T>(memory.Query + r * queryWidth + call.Problem.HeadDim, queryWidth - call.Problem.HeadDim).Clear();
        }
        int firstKey = (int)(task % plan.KeyTasks) * plan.KeysPerTask, endKey = Math.Min(firstKey + plan.KeysPerTask, sequence.KeyLength);
        firstKey = Math.Max(firstKey, block.FirstOfAll);
        endKey = Math.Min(endKey, block.LastOfAll + 1);
        for (int key = firstKey; key < endKey; key += Piece)
        {
            int count = Math.Min(Piece, endKey - key);
            Score(call, sequence, memory, rows, kvHead, key, count);
            if (plan.Shapes)
            {
                Shape(&shared->Forward, memory, block, batch, key, count);
            }
            for (int r = 0; r < rows; r++)
            {
                T* scores = memory.Scores + r * Piece, result = results + r * width;
                if (plan.Bounds && !plan.Shapes)
                {
                    Hide(scores, block.FirstKey[r] - key, block.LastKey[r] - key, count);
                }
                Weigh(scores, count, plan.ExponentFactor, maximum + r, sum + r, result, width);
            }
            AddValues(call, sequence, memory, rows, kvHead, key, count, endKey, results, width);
        }
    }

    /// <summary>Scores of a piece, (rows, Piece).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Score(
        in FlashCall call, in FlashSequence sequence, in DecodeMemory memory, int rows, int kvHead, int key, int count)
    {
        int dim = call.Problem.HeadDim, width = Padded(dim), whole = dim / TLanes.Count * TLanes.Count;
        bool isPlain = call.Key.DType.Size() == sizeof(T) && call.Key.ColumnStride == 1;
        for (int j = 0; j < count; j += 4)
        {
            FindFour(call.Key, call, sequence, memory, kvHead, key + j, count - j, isPlain, width, dim);
            Expect(call.Value, call, sequence, kvHead, key + j, Math.Min(key + count, key + j + 4), call.Problem.ValueDim);
            T* k0 = memory.Four[0], k1 = memory.Four[1], k2 = memory.Four[2], k3 = memory.Four[3];
            for (int r = 0; r < rows; r++)
            {
                T* query = memory.Query + r * width;
                TVector s0 = default, s1 = default, s2 = default, s3 = default;
                int d = 0;
                for (; d < whole; d += TLanes.Count)
                {
                    TVector q = TLanes.Load(query + d);
                    s0 = TLanes.MultiplyAdd(q, TLanes.Load(k0 + d), s0);
                    s1 = TLanes.MultiplyAdd(q, TLanes.Load(k1 + d), s1);
                    s2 = TLanes.MultiplyAdd(q, TLanes.Load(k2 + d), s2);
                    s3 = TLanes.MultiplyAdd(q, TLanes.Load(k3 + d), s3);
                }
                T* scores = memory.Scores + r * Piece + j;
                scores[0] = TLanes.Sum(s0);
                scores[1] = TLanes.Sum(s1);
                scores[2] = TLanes.Sum(s2);
                scores[3] = TLanes.Sum(s3);
                for (; d < dim; d++)
                {
                    // What a vector's end leaves over: the key must not be read beyond its end.
                    double q = Exponential.ToDouble(query[d]);
                    scores[0] = Exponential.Number<T>(Exponential.ToDouble(scores[0]) + q * Exponential.ToDouble(k0[d]));
                    scores[1] = Exponential.Number<T>(Exponential.ToDouble(scores[1]) + q * Exponential.ToDouble(k1[d]));
                    scores[2] = Exponential.Number<T>(Exponential.ToDouble(scores[2]) + q * Exponential.ToDouble(k2[d]));
                    scores[3] = Exponential.Number<T>(Exponential.ToDouble(scores[3]) + q * Exponential.ToDouble(k3[d]));
                }
            }
        }
        for (int r = 0; r < rows; r++)
        {
            // The last four may be fewer, and the last vector may be longer than the piece.
            new Span<T>(memory.Scores + r * Piece + count, Piece - count).Fill(Exponential.Number<T>(double.NegativeInfinity));
        }
    }

    /// <summary>Addresses of four rows from a key on; beyond the last one it is repeated.</summary>
    private static void FindFour(
        in FlashOperand operand, in FlashCall call, in FlashSequence sequence, in DecodeMemory memory, int kvHead, int key, int left, bool isPlain,
        int width, int dim)
    {
        for (int i = 0; i < 4; i++)
        {
            if (i >= left)
            {
                memory.Four[i] = memory.Four[left - 1];
                continue;
            }
            (nint page, nint place) = sequence.Place(call, key + i);
            void* row = operand.Row(page, kvHead, place);
            memory.Four[i] = isPlain ? (T*)row : memory.Stage + i * width;
            if (!isPlain)
            {
                RowConversion.Read(row, operand.DType, operand.ColumnStride, memory.Four[i], dim);
            }
        }
    }

    /// <summary>Has rows fetched that the other half of the work reads next: values while keys are read, and the other way round.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Expect(in FlashOperand operand, in FlashCall call, in FlashSequence sequence, int kvHead, int key, int end, int dim)
    {
        if (!Prefetching.IsSupported || operand.ColumnStride != 1)
        {
            return;
        }
        int bytes = dim * operand.DType.Size();
        for (; key < end; key++)
        {
            (nint page, nint place) = sequence.Place(call, key);
            byte* row = (byte*)operand.Row(page, kvHead, place);
            for (int offset = 0; offset < bytes; offset += Prefetching.Line)
            {
                Prefetching.ToSecondCache(row + offset);
            }
        }
    }

    /// <summary>Softcap, slopes, mask and bounds of a piece's scores: queries go into the lanes for it, and come back.</summary>
    private static void Shape(FlashContext* shared, in DecodeMemory memory, in FlashBlock<T> block, int batch, int key, int count)
    {
        int lanes = block.Vectors * TLanes.Count;
        T* room = memory.Scratch.Scores;
        for (int start = 0; start < count; start += FlashPlan.LargestKeyBlock)
        {
            int n = Math.Min(FlashPlan.LargestKeyBlock, count - start);
            for (int i = 0; i < lanes; i++)
            {
                memory.Rows[i] = memory.Scores + Math.Min(i, block.Count - 1) * Piece + start;
            }
            Transposition.ToLanes<TLanes, TVector, T>(memory.Rows, n, room, block.Vectors);
            FlashScores<TLanes, TVector, T>.Shape(shared, block, room, batch, key + start, n, memory.Scratch);
            // Lanes that repeat the last query write its row again, with the same numbers.
            Transposition.ToRows<TLanes, TVector, T>(room, block.Vectors, memory.Ones, memory.Rows, n);
        }
    }

    private static void Hide(T* scores, int first, int last, int count)
    {
        Span<T> all = new(scores, count);
        T hidden = Exponential.Number<T>(double.NegativeInfinity);
        all[..Math.Clamp(first, 0, count)].Fill(hidden);
        all[Math.Clamp(last + 1, 0, count)..].Fill(hidden);
    }

    /// <summary>The online softmax of a query over a piece: scores become weights, and what was there before is rescaled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Weigh(T* scores, int count, double factor, T* maximum, T* sum, T* result, int width)
    {
        // Whole vectors, and at least the four that values are added in: what lies beyond the last key must become a weight of zero.
        int step = Math.Max(TLanes.Count, ValuesAtOnce), vectors = (count + step - 1) / step * step;
        TVector largest = TLanes.Load(scores);
        for (int i = TLanes.Count; i < vectors; i += TLanes.Count)
        {
            largest = TLanes.Max(largest, TLanes.Load(scores + i));
        }
        double before = Exponential.ToDouble(*maximum), now = Math.Max(before, Exponential.ToDouble(TLanes.Largest(largest)));
        double shift = double.IsNegativeInfinity(now) ? 0 : Shift(now, factor);
        TVector scale = Exponential.Constant<TLanes, TVector, T>(factor), offset = Exponential.Constant<TLanes, TVector, T>(-shift), total = default;
        for (int i = 0; i < vectors; i += TLanes.Count)
        {
            TVector weight = Exponential.PowerOfTwo<TLanes, TVector, T>(TLanes.MultiplyAdd(TLanes.Load(scores + i), scale, offset));
            TLanes.Store(weight, scores + i);
            total = TLanes.Add(total, weight);
        }
        double rescale = double.IsNegativeInfinity(before) ? 0 : double.Exp2(Shift(before, factor) - shift);
        *sum = Exponential.Number<T>(Exponential.ToDouble(*sum) * rescale + Exponential.ToDouble(TLanes.Sum(total)));
        *maximum = Exponential.Number<T>(now);
        if (rescale != 1)
        {
            Elementwise<TLanes, TVector, T>.Multiply(result, rescale, width);
        }
    }

    /// <summary>What is subtracted in the exponent, as it is rounded there.</summary>
    private static double Shift(double maximum, double factor) => Exponential.ToDouble(Exponential.Number<T>(maximum * factor));

    /// <summary>results += weights · values, four values at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddValues(
        in FlashCall call, in FlashSequence sequence, in DecodeMemory memory, int rows, int kvHead, int key, int count, int endKey, T* results, int width)
    {
        int dim = call.Problem.ValueDim, whole = dim / TLanes.Count * TLanes.Count;
        bool isPlain = call.Value.DType.Size() == sizeof(T) && call.Value.ColumnStride == 1;
        for (int j = 0; j < count; j += 4)
        {
            FindFour(call.Value, call, sequence, memory, kvHead, key + j, count - j, isPlain, width, dim);
            Expect(call.Key, call, sequence, kvHead, key + count + j, Math.Min(endKey, key + count + j + 4), call.Problem.HeadDim);
            T* v0 = memory.Four[0], v1 = memory.Four[1], v2 = memory.Four[2], v3 = memory.Four[3];
            for (int r = 0; r < rows; r++)
            {
                T* weights = memory.Scores + r * Piece + j, result = results + r * width; // zeros beyond the last key
                TVector p0 = TLanes.Broadcast(weights[0]), p1 = TLanes.Broadcast(weights[1]);
                TVector p2 = TLanes.Broadcast(weights[2]), p3 = TLanes.Broadcast(weights[3]);
                int d = 0;
                for (; d < whole; d += TLanes.Count)
                {
                    TVector o = TLanes.MultiplyAdd(p0, TLanes.Load(v0 + d), TLanes.Load(result + d));
                    o = TLanes.MultiplyAdd(p1, TLanes.Load(v1 + d), o);
                    o = TLanes.MultiplyAdd(p2, TLanes.Load(v2 + d), o);
                    TLanes.Store(TLanes.MultiplyAdd(p3, TLanes.Load(v3 + d), o), result + d);
                }
                for (; d < dim; d++)
                {
                    result[d] = Exponential.Number<T>(Exponential.ToDouble(result[d])
                        + Exponential.ToDouble(weights[0]) * Exponential.ToDouble(v0[d]) + Exponential.ToDouble(weights[1]) * Exponential.ToDouble(v1[d])
                        + Exponential.ToDouble(weights[2]) * Exponential.ToDouble(v2[d]) + Exponential.ToDouble(weights[3]) * Exponential.ToDouble(v3[d]));
                }
            }
        }
    }

    /// <summary>A head's result from its parts: each is worth 2^(its maximum - the largest).</summary>
    private static void Join(in DecodeContext context, long head, T* parts, long partSize)
    {
        ref readonly FlashCall call = ref context.Forward.Call;
        ref readonly FlashPlan plan = ref context.Forward.Plan;
        int dim = call.Problem.ValueDim, width = Padded(dim);
        int batch = (int)(head / call.Problem.KvHeadCount), kvHead = (int)(head % call.Problem.KvHeadCount);
        FlashSequence sequence = FlashSequence.Of(call, batch);
        int rows = sequence.QueryLength * plan.Group;
        if (rows == 0)
        {
            return;
        }
        T** addresses = stackalloc T*[FlashPlan.MostDecodeRows];
        sequence.FindRows(call.Output, plan.Group, kvHead, 0, rows, rows, addresses);
        for (int r = 0; r < rows; r++)
        {
            double largest = double.NegativeInfinity, sum = 0;
            for (int s = 0; s < plan.KeyTasks; s++)
            {
                largest = Math.Max(largest, Exponential.ToDouble(parts[s * partSize + r]));
            }
            T* joined = parts + 2 * rows + r * width; // the first part's result
            for (int s = 0; s < plan.KeyTasks; s++)
            {
                T* part = parts + s * partSize, result = part + 2 * rows + r * width;
                double maximum = Exponential.ToDouble(part[r]);
                double weight = double.IsNegativeInfinity(maximum) ? 0 : double.Exp2(Shift(maximum, plan.ExponentFactor) - Shift(largest, plan.ExponentFactor));
                sum += weight * Exponential.ToDouble(part[rows + r]);
                for (int d = 0; d < dim; d++)
                {
                    double before = s == 0 ? 0 : Exponential.ToDouble(joined[d]);
                    joined[d] = Exponential.Number<T>(before + weight * Exponential.ToDouble(result[d]));
                }
            }
            for (int d = 0; d < dim; d++)
            {
                joined[d] = sum == 0 ? default : Exponential.Number<T>(Exponential.ToDouble(joined[d]) / sum);
            }
            RowConversion.Write(joined, addresses[r], call.Output.DType, call.Output.ColumnStride, dim);
            if (call.LogSumExp is not null)
            {
                (int g, int position) = Math.DivRem(r, sequence.QueryLength);
                ((T*)call.LogSumExp)[sequence.LogSumExpIndex(call, kvHead * plan.Group + g, position)] = Exponential.Number<T>(
                    sum == 0 ? double.NegativeInfinity : Shift(largest, plan.ExponentFactor) * Exponential.Ln2 + Math.Log(sum));
            }
        }
    }

    private struct DecodeContext
    {
        internal FlashContext Forward;
        internal void* Parts;
    }

    /// <summary>A thread's workspace, cut up.</summary>
    private readonly ref struct DecodeMemory
    {
        internal readonly FlashScratch<T> Scratch;
        internal readonly T* Query; // (rows, D padded)
        internal readonly T* Scores; // (rows, Piece)
        internal readonly T* Stage; // four rows that must be converted
        internal readonly T* Ones; // per lane
        internal readonly T** Rows; // per lane
        internal readonly T** Four;
        internal readonly FlashBlock<T> Block;

        internal DecodeMemory(ref WorkspaceParts parts, in FlashCall call, in FlashPlan plan)
        {
            int headDim = Padded(call.Problem.HeadDim), valueDim = Padded(call.Problem.ValueDim), lanes = plan.Lanes;
            Scratch = FlashScratch<T>.Of(ref parts, plan, call, isBackward: false);
            Query = parts.Take<T>((long)plan.Rows * headDim);
            Scores = parts.Take<T>((long)plan.Rows * Piece);
            Stage = parts.Take<T>(4L * Math.Max(headDim, valueDim));
            Ones = parts.Take<T>(lanes);
            Rows = (T**)parts.Take<nint>(lanes);
            Four = (T**)parts.Take<nint>(4);
            Block = new FlashBlock<T>
            {
                Maximum = parts.Take<T>(lanes),
                FirstKey = parts.Take<int>(lanes),
                LastKey = parts.Take<int>(lanes),
                Position = parts.Take<int>(lanes),
                Diagonal = parts.Take<int>(lanes),
                Head = parts.Take<int>(lanes),
            };
            if (!parts.IsCounting)
            {
                new Span<T>(Ones, lanes).Fill(Exponential.Number<T>(1));
            }
        }
    }
}
