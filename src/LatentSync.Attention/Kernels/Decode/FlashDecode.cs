using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Kernels.Threads;

namespace LatentSync.Attention.Kernels.Decode;

/// <summary>
/// A few queries against many keys, as in decoding with a key-value cache: bound by reading keys and values once. The keys are split among
/// the tasks, and their parts joined by their logsumexp (flash-decoding: Dao, Haziza, Massa, Sizov, 2023).
/// </summary>
/// <remarks>
/// Here the elements of a vector lie in the lanes, so that keys and values are read from end to end, one after the other as the prefetchers
/// expect it, once for all queries that share them. Per piece of <see cref="Piece"/> keys: scores by dot products, the online softmax over the piece with keys in
/// the lanes, then result += weight · value. Scores that get more than the scale pass through <see cref="FlashScores{TLanes, TVector, T}"/>,
/// with queries in the lanes. Splits depend on the sizes only and are joined in order: the same bits with any number of threads.
/// </remarks>
internal static unsafe partial class FlashDecode<TLanes, TVector, T>
    where TLanes : ILanes<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>Keys at a time; a multiple of every W.</summary>
    private const int Piece = 128;

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
        plan.Threads = (int)Math.Clamp(plan.Heads * plan.KeyTasks, 1, FlashPlan.ThreadsFor(plan.HeadWork * plan.Heads, threads));
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
        var tasks = new FlashTasks(&shared->Forward);
        while (tasks.MoveNext())
        {
            RunTask(shared, memory, tasks.Current);
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
        FlashBlock<T> block = memory.Queries;
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
        T* part = (T*)shared->Parts + task * PartSize(call, plan), results = part + 2 * rows;
        Attend(shared, memory, block, sequence, batch, kvHead, firstKey, endKey, part, leavesOutZeros: false);
        if (plan.MayHide && !Elementwise<TLanes, TVector, T>.IsFinite(results, (long)rows * width))
        {
            Attend(shared, memory, block, sequence, batch, kvHead, firstKey, endKey, part, leavesOutZeros: true);
        }
    }

    /// <summary>Some keys.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Attend(
        DecodeContext* shared, in DecodeMemory memory, in FlashBlock<T> block, in FlashSequence sequence, int batch, int kvHead, int firstKey, int endKey, T* part,
        bool leavesOutZeros)
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        ref readonly FlashPlan plan = ref shared->Forward.Plan;
        int rows = block.Count, width = Padded(call.Problem.ValueDim);
        T* maximum = part, sum = part + rows, results = part + 2 * rows;
        new Span<T>(maximum, rows).Fill(Exponential.Number<T>(double.NegativeInfinity));
        new Span<T>(sum, rows * (1 + width)).Clear();
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
                T* scores = memory.Scores + r * Piece;
                if (plan.Bounds && !plan.Shapes)
                {
                    Hide(scores, block.FirstKey[r] - key, block.LastKey[r] - key, count);
                }
                Weigh(plan, scores, count, maximum + r, sum + r, results + r * width, width);
            }
            if (leavesOutZeros)
            {
                AddValuesButZeros(call, sequence, memory, rows, kvHead, key, count, results);
            }
            else
            {
                AddValues(call, sequence, memory, rows, kvHead, key, count, endKey, results);
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

    /// <summary>The online softmax of a query over a piece: scores become weights, and what was there before is rescaled. As
    /// <see cref="FlashSoftmax{TLanes, TVector, T}"/>, with keys in the lanes; the maximum is kept as it was scaled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Weigh(in FlashPlan plan, T* scores, int count, T* maximum, T* sum, T* result, int width)
    {
        int vectors = Padded(count);
        TVector largest = TLanes.Load(scores);
        for (int i = TLanes.Count; i < vectors; i += TLanes.Count)
        {
            largest = TLanes.Max(largest, TLanes.Load(scores + i));
        }
        double before = Exponential.ToDouble(*maximum);
        double now = Math.Max(before, FlashSoftmax<TLanes, TVector, T>.Scaled(plan, Exponential.ToDouble(TLanes.Largest(largest))));
        double factor = plan.ExponentFactor;
        TVector shift = Exponential.Constant<TLanes, TVector, T>(double.IsNegativeInfinity(now) ? 0 : now);
        TVector scale = Exponential.Constant<TLanes, TVector, T>(plan.ScoreScale), scaledFactor = Exponential.Constant<TLanes, TVector, T>(factor);
        TVector least = Exponential.Least<TLanes, TVector, T>(factor, plan.Headroom), round = Exponential.Round<TLanes, TVector, T>(plan.Headroom), total = default;
        for (int i = 0; i < vectors; i += TLanes.Count)
        {
            TVector distance = TLanes.Subtract(TLanes.Multiply(TLanes.Load(scores + i), scale), shift);
            TVector weight = Exponential.PowerOfTwo<TLanes, TVector, T>(distance, scaledFactor, least, round);
            TLanes.Store(weight, scores + i);
            total = TLanes.Add(total, weight);
        }
        double rescale = Rescale(before, now, factor);
        *sum = Exponential.Number<T>(Exponential.ToDouble(*sum) * rescale + Exponential.ToDouble(TLanes.Sum(total)));
        *maximum = Exponential.Number<T>(now);
        if (rescale == 0)
        {
            new Span<T>(result, width).Clear(); // whatever it was, infinity included
        }
        else if (rescale != 1)
        {
            Elementwise<TLanes, TVector, T>.Multiply(result, rescale, width);
        }
    }

    /// <summary>What sums under one maximum are worth under a larger one: 0 where there was none.</summary>
    private static double Rescale(double maximum, double larger, double factor) =>
        double.IsNegativeInfinity(maximum) ? 0 : double.Exp2((maximum - larger) * factor);

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
                double weight = Rescale(Exponential.ToDouble(part[r]), largest, plan.ExponentFactor);
                sum += weight * Exponential.ToDouble(part[rows + r]);
                for (int d = 0; d < dim; d++)
                {
                    double before = s == 0 ? 0 : Exponential.ToDouble(joined[d]);
                    joined[d] = Exponential.Number<T>(weight == 0 ? before : before + weight * Exponential.ToDouble(result[d]));
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
                ((T*)call.LogSumExp)[sequence.LogSumExpIndex(call, kvHead * plan.Group + g, position)] = Exponential.Number<T>(plan.LogSumExp(largest, sum));
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
        internal readonly T* Stage; // rows of a block that must be converted
        internal readonly T* Ones; // per lane
        internal readonly T** Rows; // per lane
        internal readonly FlashBlock<T> Queries;

        internal DecodeMemory(ref WorkspaceParts parts, in FlashCall call, in FlashPlan plan)
        {
            int headDim = Padded(call.Problem.HeadDim), valueDim = Padded(call.Problem.ValueDim), lanes = plan.Lanes;
            Scratch = FlashScratch<T>.Of(ref parts, plan, call, isBackward: false);
            Query = parts.Take<T>((long)plan.Rows * headDim);
            Scores = parts.Take<T>((long)plan.Rows * Piece);
            Stage = parts.Take<T>((long)Block * Math.Max(headDim, valueDim));
            Ones = parts.Take<T>(lanes);
            Rows = (T**)parts.Take<nint>(lanes);
            Queries = new FlashBlock<T>
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
