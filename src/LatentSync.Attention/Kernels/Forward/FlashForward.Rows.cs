using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Forward;

/// <content>Queries from memory into the lanes, results from the lanes to memory.</content>
internal static unsafe partial class FlashForward<TLanes, TVector, T>
{
    /// <summary>Loads a block's queries into the lanes and finds the keys that each lane sees.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void LoadQueries(
        FlashContext* shared,
        in TaskMemory memory,
        ref FlashBlock<T> block,
        in FlashSequence sequence,
        int kvHead,
        int firstRow,
        int count
    )
    {
        ref readonly FlashCall call = ref shared->Call;
        block.SetCount(count, TLanes.Count);
        block.SkipsZeros = false;
        int lanes = block.Vectors * TLanes.Count;
        sequence.FindRows(call.Query, shared->Plan.Group, kvHead, firstRow, count, lanes, memory.Rows);
        if (call.Query.DType.Size() != sizeof(T) || call.Query.ColumnStride != 1)
        {
            for (int i = 0; i < count; i++)
            {
                T* row = memory.ConvertedRows + (nint)i * memory.RowWidth;
                RowConversion.Read(memory.Rows[i], call.Query.DType, call.Query.ColumnStride, row, call.Problem.HeadDim);
                memory.Rows[i] = row;
            }
            new Span<nint>(memory.Rows + count, lanes - count).Fill((nint)memory.Rows[count - 1]);
        }
        Transposition.ToLanes<TLanes, TVector, T>(memory.Rows, call.Problem.HeadDim, block.Query, block.Vectors);
        Clear(ref block);
        sequence.FindKeys(*shared, ref block, kvHead, firstRow, lanes);
    }

    /// <summary>Sets a block to its state before the first key.</summary>
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

    /// <summary>Stores a block's results. Before that, where keys may be hidden and a result is not finite, the block is computed once more
    /// without the terms of weight zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StoreOrRepeat(
        FlashContext* shared,
        in TaskMemory memory,
        ref FlashBlock<T> block,
        int batch,
        in FlashSequence sequence,
        int kvHead,
        int firstRow
    )
    {
        ref readonly FlashPlan plan = ref shared->Plan;
        if (shared->Scores.MayHideKeys && !IsFinite(block, shared->Call.Problem.ValueDim))
        {
            Clear(ref block);
            block.SkipsZeros = true;
            for (int key = block.MinFirstKey / plan.KeyBlock * plan.KeyBlock; key <= block.MaxLastKey; key += plan.KeyBlock)
            {
                int count = Math.Min(plan.KeyBlock, block.MaxLastKey + 1 - key);
                FlashKeyBlock<T> keys = FlashKeyBlock<T>.Of(shared->Call, plan, sequence, kvHead, key, count, memory.Keys, memory.Values);
                Attend(shared, memory.Scratch, ref block, batch, keys, null);
            }
        }
        StoreOutputs(shared, memory, block, sequence, kvHead, firstRow);
    }

    private static bool IsFinite(in FlashBlock<T> block, int valueDim) =>
        !block.HasResult || Elementwise<TLanes, TVector, T>.IsFinite(block.Result, (long)valueDim * block.Vectors * TLanes.Count);

    /// <summary>Divides a block's results by the sums of the weights and stores them, with the logsumexp where it is wanted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StoreOutputs(
        FlashContext* shared,
        in TaskMemory memory,
        in FlashBlock<T> block,
        in FlashSequence sequence,
        int kvHead,
        int firstRow
    )
    {
        ref readonly FlashCall call = ref shared->Call;
        ref readonly FlashOperand output = ref call.Output;
        int lanes = block.Vectors * TLanes.Count,
            count = block.Count,
            valueDim = call.Problem.ValueDim;
        bool isConverted = output.DType.Size() != sizeof(T) || output.ColumnStride != 1;
        sequence.FindRows(output, shared->Plan.Group, kvHead, firstRow, count, count, memory.Rows);
        T** rows = memory.Rows;
        if (isConverted)
        {
            rows = memory.ConvertedRowAddresses;
            for (int i = 0; i < count; i++)
            {
                rows[i] = memory.ConvertedRows + (nint)i * memory.RowWidth;
            }
        }
        new Span<nint>(rows + count, lanes - count).Fill((nint)memory.Discarded);
        StoreRows(block, rows, valueDim);
        for (int i = 0; isConverted && i < count; i++)
        {
            RowConversion.Write(rows[i], memory.Rows[i], output.DType, output.ColumnStride, valueDim);
        }
        for (int i = 0; call.LogSumExp is not null && i < count; i++)
        {
            double maximum = FlashSoftmax<TLanes, TVector, T>.Scaled(shared->Scores, Exponential.ToDouble(block.Maximum[i]));
            double logSumExp = shared->Scores.LogSumExp(maximum, Exponential.ToDouble(block.Sum[i]));
            ((T*)call.LogSumExp)[sequence.LogSumExpIndex(call, block.Head[i], block.Position[i])] = Exponential.Number<T>(logSumExp);
        }
    }

    /// <summary>Divides a block's results and transposes them into rows; zeros where no key was seen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StoreRows(in FlashBlock<T> block, T** rows, int valueDim)
    {
        int lanes = block.Vectors * TLanes.Count;
        if (!block.HasResult)
        {
            new Span<T>(block.Result, lanes * valueDim).Clear();
        }
        T* factors = stackalloc T[lanes];
        TVector zero = default,
            one = Exponential.Constant<TLanes, TVector, T>(1);
        for (int v = 0; v < lanes; v += TLanes.Count)
        {
            TVector sum = TLanes.Load(block.Sum + v);
            TLanes.Store(TLanes.Select(TLanes.EqualTo(sum, zero), zero, TLanes.Divide(one, sum)), factors + v);
        }
        Transposition.ToRows<TLanes, TVector, T>(block.Result, block.Vectors, factors, rows, valueDim);
    }
}
