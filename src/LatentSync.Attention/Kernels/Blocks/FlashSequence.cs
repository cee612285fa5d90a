using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>One sequence of a call: where its queries and keys begin, and how many there are.</summary>
internal readonly unsafe struct FlashSequence
{
    private readonly int _batch;

    private FlashSequence(in FlashCall call, int batch)
    {
        ref readonly AttentionProblem problem = ref call.Problem;
        _batch = batch;
        QueryStart = call.QueryStarts is null ? 0 : call.QueryStarts[batch];
        QueryLength = call.QueryStarts is null ? problem.QueryLength : call.QueryStarts[batch + 1] - QueryStart;
        QueryBatch = call.QueryStarts is null ? batch : 0;
        KeyStart = call.KeyStarts is null ? 0 : call.KeyStarts[batch];
        KeyRoom = call.KeyStarts is null ? problem.KeyLength : call.KeyStarts[batch + 1] - KeyStart;
        KeyLength = call.KeyLengths is null ? KeyRoom : Math.Min(KeyRoom, call.KeyLengths[batch]);
        KeyBatch = call.KeyStarts is null ? batch : 0;
    }

    /// <summary>Queries.</summary>
    internal int QueryLength { get; }

    /// <summary>Keys in use.</summary>
    internal int KeyLength { get; }

    /// <summary>Keys that have memory: those from <see cref="KeyLength"/> on are not read, and have gradients of zero.</summary>
    internal int KeyRoom { get; }

    /// <summary>Position of its first query in memory.</summary>
    internal int QueryStart { get; }

    /// <summary>Position of its first key in memory.</summary>
    internal int KeyStart { get; }

    /// <summary>Index for the query's batch stride.</summary>
    internal int QueryBatch { get; }

    /// <summary>Index for the key's batch stride.</summary>
    internal int KeyBatch { get; }

    /// <summary>A sequence of a call.</summary>
    internal static FlashSequence Of(in FlashCall call, int batch) => new(call, batch);

    /// <summary>Where a key lies: index for the batch stride (its page), and for the row stride.</summary>
    internal (nint Page, nint Place) Place(in FlashCall call, int key)
    {
        if (call.PageTable is null)
        {
            return (KeyBatch, KeyStart + key);
        }
        (int page, int place) = Math.DivRem(key, call.PageSize);
        return (call.PageTable[(nint)_batch * call.PagesPerSequence + page], place);
    }

    /// <summary>Addresses of the rows of consecutive queries of a key head's group: position by position, then head by head. Lanes
    /// beyond the count repeat the last one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void FindRows<T>(in FlashOperand operand, int group, int kvHead, int firstRow, int count, int lanes, T** rows)
        where T : unmanaged
    {
        (int g, int position) = Locate(firstRow);
        nint step = operand.RowStride * operand.DType.Size();
        int i = 0;
        for (; i < count; g++, position = 0)
        {
            byte* row = (byte*)operand.Row(QueryBatch, kvHead * group + g, QueryStart + position);
            for (int end = Math.Min(count, i + QueryLength - position); i < end; i++, row += step)
            {
                rows[i] = (T*)row;
            }
        }
        for (; i < lanes; i++)
        {
            rows[i] = rows[count - 1];
        }
    }

    /// <summary>Index of a query in the logsumexp.</summary>
    internal nint LogSumExpIndex(in FlashCall call, int head, int position) =>
        call.QueryStarts is null
            ? ((nint)_batch * call.Problem.HeadCount + head) * call.Problem.QueryLength + position
            : (nint)head * call.QueryStarts[call.Problem.Batch] + QueryStart + position;

    /// <summary>For each lane of a block: head, position, diagonal, first and last visible key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void FindKeys<T>(in FlashContext context, ref FlashBlock<T> block, int kvHead, int firstRow, int lanes)
        where T : unmanaged
    {
        ref readonly FlashCall call = ref context.Call;
        ref readonly AttentionProblem problem = ref call.Problem;
        int group = context.Plan.Group;
        if (!context.Scores.NeedsLanes)
        {
            // Every lane sees every key.
            if (call.LogSumExp is not null)
            {
                FillPositions(group, block, kvHead, firstRow, block.Count);
            }
            (block.MinFirstKey, block.MaxFirstKey, block.MinLastKey, block.MaxLastKey) = (0, 0, KeyLength - 1, KeyLength - 1);
            return;
        }
        FillPositions(group, block, kvHead, firstRow, lanes);
        int offset = problem.CausalAlignment == CausalAlignment.BottomRight ? KeyLength - QueryLength : 0;
        int before = problem.LeftWindow ?? int.MaxValue,
            after = problem.IsCausal ? 0 : int.MaxValue;
        after = Math.Min(after, problem.RightWindow ?? int.MaxValue);
        (block.MinFirstKey, block.MaxFirstKey, block.MinLastKey, block.MaxLastKey) = (int.MaxValue, 0, int.MaxValue, -1);
        for (int i = 0; i < lanes; i++)
        {
            long diagonal = (long)block.Position[i] + offset;
            int first = (int)Math.Clamp(diagonal - before, 0, KeyLength),
                last = (int)Math.Clamp(diagonal + after, -1, KeyLength - 1);
            (block.Diagonal[i], block.FirstKey[i], block.LastKey[i]) = ((int)diagonal, first, last);
            if (first <= last)
            {
                block.MinFirstKey = Math.Min(block.MinFirstKey, first);
                block.MaxLastKey = Math.Max(block.MaxLastKey, last);
            }
            block.MaxFirstKey = Math.Max(block.MaxFirstKey, first);
            block.MinLastKey = Math.Min(block.MinLastKey, last);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FillPositions<T>(int group, in FlashBlock<T> block, int kvHead, int firstRow, int lanes)
        where T : unmanaged
    {
        (int g, int position) = Locate(firstRow);
        int* heads = block.Head,
            positions = block.Position;
        int i = 0,
            head = kvHead * group + g;
        for (; i < block.Count; head++, position = 0)
        {
            for (int end = Math.Min(block.Count, i + QueryLength - position); i < end; i++, position++)
            {
                (heads[i], positions[i]) = (head, position);
            }
        }
        for (; i < lanes; i++)
        {
            (heads[i], positions[i]) = (heads[block.Count - 1], positions[block.Count - 1]);
        }
    }

    /// <summary>Index of a query's head in its group, and its position. The division is for groups only: it takes as long as several
    /// rows.</summary>
    private (int Head, int Position) Locate(int row) => row < QueryLength ? (0, row) : Math.DivRem(row, QueryLength);
}
