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
/// Here the elements of a row lie in the lanes, so that keys and values are read from end to end, one after the other as the hardware
/// prefetchers expect it, once for all queries that share them. Per piece of <see cref="Piece"/> keys: scores by dot products, the online
/// softmax over the piece with keys in the lanes, then result += weight · value. Scores that get more than the scale pass through
/// <see cref="ScoreModifier{TLanes, TVector, T}"/>, with queries in the lanes. The keys are split by sizes only and the parts joined in
/// order: the same bits with any number of threads.
/// </remarks>
internal static unsafe partial class FlashDecode<TLanes, TVector, T>
    where TLanes : ILanes<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    private const int Piece = FlashTuning.DecodePiece;

    /// <summary>Whether this kernel computes a call: few queries, many keys, no dropout.</summary>
    internal static bool Suits(in FlashContext context) =>
        context.Plan.Rows is > 0 and <= FlashTuning.MostDecodeRows
        && context.Call.Problem.KeyLength >= 2 * Piece
        && !context.Scores.HasDropout;

    /// <summary>Computes a call.</summary>
    /// <param name="forward">The call and its plans.</param>
    /// <param name="team">Threads.</param>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    internal static void Run(in FlashContext forward, IWorkTeam team)
    {
        ref readonly FlashPlan plan = ref forward.Plan;
        int keys = forward.Call.Problem.KeyLength;
        long splits = Math.Min(keys / FlashTuning.LeastDecodeKeys, (FlashTuning.DecodeTasks + plan.Heads - 1) / Math.Max(plan.Heads, 1));
        var context = new DecodeContext { Forward = forward, KeyTasks = (int)Math.Max(splits, 1) };
        context.KeysPerTask = FlashPlan.Parts(FlashPlan.Parts(keys, context.KeyTasks), Piece) * Piece;
        long tasks = plan.Heads * context.KeyTasks,
            partSize = PartSize(forward.Call, plan);
        context.Forward.Queue = TaskQueue.Of(tasks, plan.Threads);
        context.Parts = Workspace.OfCall(tasks * partSize * sizeof(T));
        team.Run(context.Forward.Queue.Threads, &Work, &context);
        for (long head = 0; head < plan.Heads; head++)
        {
            Join(context, head, (T*)context.Parts + head * context.KeyTasks * partSize, partSize);
        }
    }

    /// <summary>Elements of a task's part: maximum, sum and result of each query.</summary>
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
        var tasks = new ThreadTasks(&shared->Forward.Queue, looksAhead: false);
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
        long head = task / shared->KeyTasks;
        int batch = (int)(head / call.Problem.KvHeadCount),
            kvHead = (int)(head % call.Problem.KvHeadCount);
        int width = Padded(call.Problem.ValueDim),
            queryWidth = Padded(call.Problem.HeadDim);
        FlashSequence sequence = FlashSequence.Of(call, batch);
        int rows = sequence.QueryLength * plan.Group;
        if (rows == 0)
        {
            return;
        }
        FlashBlock<T> block = memory.Queries;
        block.SetCount(rows, TLanes.Count);
        sequence.FindKeys(shared->Forward, ref block, kvHead, 0, block.Vectors * TLanes.Count);
        sequence.FindRows(call.Query, plan.Group, kvHead, 0, rows, rows, memory.Rows);
        for (int r = 0; r < rows; r++)
        {
            T* query = memory.Query + r * queryWidth;
            RowConversion.Read(memory.Rows[r], call.Query.DType, call.Query.ColumnStride, query, call.Problem.HeadDim);
            new Span<T>(query + call.Problem.HeadDim, queryWidth - call.Problem.HeadDim).Clear();
        }
        int firstKey = (int)(task % shared->KeyTasks) * shared->KeysPerTask;
        int endKey = Math.Min(Math.Min(firstKey + shared->KeysPerTask, sequence.KeyLength), block.MaxLastKey + 1);
        firstKey = Math.Max(firstKey, block.MinFirstKey);
        T* part = (T*)shared->Parts + task * PartSize(call, plan),
            results = part + 2 * rows;
        Attend(shared, memory, block, sequence, batch, kvHead, firstKey, endKey, part, skipsZeros: false);
        if (shared->Forward.Scores.MayHideKeys && !Elementwise<TLanes, TVector, T>.IsFinite(results, (long)rows * width))
        {
            Attend(shared, memory, block, sequence, batch, kvHead, firstKey, endKey, part, skipsZeros: true);
        }
    }

    /// <summary>Attention of all queries to some keys: maximum, sum and result, not divided yet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Attend(
        DecodeContext* shared,
        in DecodeMemory memory,
        in FlashBlock<T> block,
        in FlashSequence sequence,
        int batch,
        int kvHead,
        int firstKey,
        int endKey,
        T* part,
        bool skipsZeros
    )
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        ref readonly ScorePlan plan = ref shared->Forward.Scores;
        int rows = block.Count,
            width = Padded(call.Problem.ValueDim);
        T* maximum = part,
            sum = part + rows,
            results = part + 2 * rows;
        new Span<T>(maximum, rows).Fill(Exponential.Number<T>(double.NegativeInfinity));
        new Span<T>(sum, rows * (1 + width)).Clear();
        for (int key = firstKey; key < endKey; key += Piece)
        {
            int count = Math.Min(Piece, endKey - key);
            Score(call, sequence, memory, rows, kvHead, key, count);
            if (plan.Modifies)
            {
                ModifyScores(&shared->Forward, memory, block, batch, key, count);
            }
            for (int r = 0; r < rows; r++)
            {
                T* scores = memory.Scores + r * Piece;
                if (plan.HasBounds && !plan.Modifies)
                {
                    Hide(scores, block.FirstKey[r] - key, block.LastKey[r] - key, count);
                }
                ToWeights(plan, scores, count, maximum + r, sum + r, results + r * width, width);
            }
            if (skipsZeros)
            {
                AddValuesSkippingZeros(call, sequence, memory, rows, kvHead, key, count, results);
            }
            else
            {
                AddValues(call, sequence, memory, rows, kvHead, key, count, endKey, results);
            }
        }
    }

    /// <summary>Softcap, ALiBi, mask and bounds of a piece's scores: they are transposed, so that queries lie in the lanes, modified, and
    /// transposed back.</summary>
    private static void ModifyScores(FlashContext* shared, in DecodeMemory memory, in FlashBlock<T> block, int batch, int key, int count)
    {
        int lanes = block.Vectors * TLanes.Count;
        T* room = memory.Scratch.Scores;
        for (int start = 0; start < count; start += FlashTuning.LargestKeyBlock)
        {
            int n = Math.Min(FlashTuning.LargestKeyBlock, count - start);
            for (int i = 0; i < lanes; i++)
            {
                memory.Rows[i] = memory.Scores + Math.Min(i, block.Count - 1) * Piece + start;
            }
            Transposition.ToLanes<TLanes, TVector, T>(memory.Rows, n, room, block.Vectors);
            ScoreModifier<TLanes, TVector, T>.Modify(shared, block, room, batch, key + start, n, memory.Scratch);
            // Lanes that repeat the last query store its row again, with the same numbers.
            Transposition.ToRows<TLanes, TVector, T>(room, block.Vectors, memory.Ones, memory.Rows, n);
        }
    }

    /// <summary>Scores of -∞ for the keys outside of a query's bounds.</summary>
    private static void Hide(T* scores, int first, int last, int count)
    {
        Span<T> all = new(scores, count);
        T hidden = Exponential.Number<T>(double.NegativeInfinity);
        all[..Math.Clamp(first, 0, count)].Fill(hidden);
        all[Math.Clamp(last + 1, 0, count)..].Fill(hidden);
    }

    /// <summary>The online softmax of a query over a piece: scores become weights, and the earlier sum and result are rescaled. As
    /// <see cref="FlashSoftmax{TLanes, TVector, T}"/>, but with keys in the lanes, and the stored maximum is scaled already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ToWeights(in ScorePlan plan, T* scores, int count, T* maximum, T* sum, T* result, int width)
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
        TVector scale = Exponential.Constant<TLanes, TVector, T>(plan.ScoreScale);
        TVector scaledFactor = Exponential.Constant<TLanes, TVector, T>(factor);
        TVector least = Exponential.Least<TLanes, TVector, T>(factor, plan.Headroom);
        TVector round = Exponential.Round<TLanes, TVector, T>(plan.Headroom),
            total = default;
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

    /// <summary>The factor that brings sums from one maximum to a larger one; 0 where nothing was summed.</summary>
    private static double Rescale(double maximum, double larger, double factor) =>
        double.IsNegativeInfinity(maximum) ? 0 : double.Exp2((maximum - larger) * factor);

    /// <summary>A head's result from its parts, each times 2^(its maximum - the largest).</summary>
    private static void Join(in DecodeContext context, long head, T* parts, long partSize)
    {
        ref readonly FlashCall call = ref context.Forward.Call;
        ref readonly FlashPlan plan = ref context.Forward.Plan;
        int dim = call.Problem.ValueDim,
            width = Padded(dim);
        int batch = (int)(head / call.Problem.KvHeadCount),
            kvHead = (int)(head % call.Problem.KvHeadCount);
        FlashSequence sequence = FlashSequence.Of(call, batch);
        int rows = sequence.QueryLength * plan.Group;
        if (rows == 0)
        {
            return;
        }
        T** addresses = stackalloc T*[FlashTuning.MostDecodeRows];
        sequence.FindRows(call.Output, plan.Group, kvHead, 0, rows, rows, addresses);
        for (int r = 0; r < rows; r++)
        {
            double largest = double.NegativeInfinity,
                sum = 0;
            for (int s = 0; s < context.KeyTasks; s++)
            {
                largest = Math.Max(largest, Exponential.ToDouble(parts[s * partSize + r]));
            }
            T* joined = parts + 2 * rows + r * width; // the first part's result
            for (int s = 0; s < context.KeyTasks; s++)
            {
                T* part = parts + s * partSize,
                    result = part + 2 * rows + r * width;
                double weight = Rescale(Exponential.ToDouble(part[r]), largest, context.Forward.Scores.ExponentFactor);
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
                ((T*)call.LogSumExp)[sequence.LogSumExpIndex(call, kvHead * plan.Group + g, position)] = Exponential.Number<T>(
                    context.Forward.Scores.LogSumExp(largest, sum)
                );
            }
        }
    }

    /// <summary>What the threads of a call share.</summary>
    private struct DecodeContext
    {
        internal FlashContext Forward;
        internal int KeyTasks; // into which a key head's keys are divided
        internal int KeysPerTask;
        internal void* Parts; // results of the tasks, PartSize each
    }

    /// <summary>A thread's workspace, divided.</summary>
    private readonly ref struct DecodeMemory
    {
        internal readonly FlashScratch<T> Scratch;
        internal readonly T* Query; // (rows, D padded)
        internal readonly T* Scores; // (rows, Piece)
        internal readonly T* Stage; // converted rows
        internal readonly T* Ones; // per lane
        internal readonly T** Rows; // per lane
        internal readonly FlashBlock<T> Queries;

        internal DecodeMemory(ref WorkspaceParts parts, in FlashCall call, in FlashPlan plan)
        {
            int headDim = Padded(call.Problem.HeadDim),
                valueDim = Padded(call.Problem.ValueDim),
                lanes = plan.Lanes;
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
