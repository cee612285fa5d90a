using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Micro;

namespace LatentSync.Attention.Kernels.Backward;

/// <content>Queries and gradients from memory into the lanes, and gradients back to memory.</content>
internal static unsafe partial class FlashBackward<TLanes, TVector, T>
{
    /// <summary>Loads a block's queries and the gradients of its results, as rows and transposed into the lanes, with the logsumexp and Δ
    /// of each query.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void LoadQueries(
        FlashGradientContext* shared,
        in GradientMemory memory,
        ref FlashBlock<T> block,
        in FlashSequence sequence,
        int kvHead,
        int row,
        int lanes
    )
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        int group = shared->Forward.Plan.Group,
            headDim = call.Problem.HeadDim,
            valueDim = call.Problem.ValueDim;
        LoadRows(call.Query, memory, block, sequence, group, kvHead, row, memory.QueryRows, memory.PaddedHeadDim, headDim);
        LoadRows(
            shared->Gradients.OutputGradient,
            memory,
            block,
            sequence,
            group,
            kvHead,
            row,
            memory.ResultGradientRows,
            memory.PaddedValueDim,
            valueDim
        );
        // The results are needed for Δ only: one row at a time.
        sequence.FindRows(call.Output, group, kvHead, row, block.Count, block.Count, memory.Rows);
        for (int i = 0; i < block.Count; i++)
        {
            T* result = memory.ResultRow;
            RowConversion.Read(memory.Rows[i], call.Output.DType, call.Output.ColumnStride, result, valueDim);
            new Span<T>(result + valueDim, memory.PaddedValueDim - valueDim).Clear();
            T* gradient = memory.ResultGradientRows + (nint)i * memory.PaddedValueDim;
            memory.Delta[i] = Elementwise<TLanes, TVector, T>.Dot(result, gradient, memory.PaddedValueDim);
            memory.Shift[i] = ((T*)call.LogSumExp)[sequence.LogSumExpIndex(call, block.Head[i], block.Position[i])];
        }
        for (int i = block.Count; i < lanes; i++)
        {
            (memory.Delta[i], memory.Shift[i]) = (memory.Delta[block.Count - 1], memory.Shift[block.Count - 1]);
        }
        SetShift(shared, memory, ref block, sequence, lanes);
        Transpose(memory, memory.QueryRows, memory.PaddedHeadDim, block, lanes, headDim, block.Query);
        Transpose(memory, memory.ResultGradientRows, memory.PaddedValueDim, block, lanes, valueDim, memory.ResultGradient);
        for (int i = 0; block.SkipsZeros && i < block.Count; i++)
        {
            if (double.IsPositiveInfinity(Exponential.ToDouble(memory.Shift[i])))
            {
                // This query sees no key: all its weights are zero.
                new Span<T>(memory.QueryRows + (nint)i * memory.PaddedHeadDim, memory.PaddedHeadDim).Clear();
                new Span<T>(memory.ResultGradientRows + (nint)i * memory.PaddedValueDim, memory.PaddedValueDim).Clear();
            }
        }
    }

    /// <summary>Loads rows of a block of queries in the type of the computation, padded with zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void LoadRows(
        in FlashOperand operand,
        in GradientMemory memory,
        in FlashBlock<T> block,
        in FlashSequence sequence,
        int group,
        int kvHead,
        int row,
        T* destination,
        int width,
        int dim
    )
    {
        sequence.FindRows(operand, group, kvHead, row, block.Count, block.Count, memory.Rows);
        for (int i = 0; i < block.Count; i++, destination += width)
        {
            RowConversion.Read(memory.Rows[i], operand.DType, operand.ColumnStride, destination, dim);
            new Span<T>(destination + dim, width - dim).Clear();
        }
    }

    /// <summary>Transposes loaded rows into the lanes; lanes that are no query repeat the last one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(in GradientMemory memory, T* rows, int width, in FlashBlock<T> block, int lanes, int dim, T* destination)
    {
        for (int i = 0; i < lanes; i++)
        {
            memory.Rows[i] = rows + (nint)Math.Min(i, block.Count - 1) * width;
        }
        Transposition.ToLanes<TLanes, TVector, T>(memory.Rows, dim, destination, block.Vectors);
    }

    /// <summary>Stores a block's query gradients, times the scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StoreQueryGradients(
        FlashGradientContext* shared,
        in GradientMemory memory,
        in FlashBlock<T> block,
        in FlashSequence sequence,
        int kvHead,
        int row,
        int lanes
    )
    {
        ref readonly FlashCall call = ref shared->Forward.Call;
        T* factors = memory.Shift; // not needed any more
        new Span<T>(factors, lanes).Fill(Exponential.Number<T>(call.Problem.EffectiveScale));
        for (int i = 0; i < lanes; i++)
        {
            memory.Rows[i] = i < block.Count ? memory.QueryRows + (nint)i * memory.PaddedHeadDim : memory.ResultRow;
        }
        Transposition.ToRows<TLanes, TVector, T>(memory.QueryGradient, block.Vectors, factors, memory.Rows, call.Problem.HeadDim);
        ref readonly FlashOperand gradient = ref shared->Gradients.QueryGradient;
        sequence.FindRows(gradient, shared->Forward.Plan.Group, kvHead, row, block.Count, block.Count, memory.Rows);
        for (int i = 0; i < block.Count; i++)
        {
            T* source = memory.QueryRows + (nint)i * memory.PaddedHeadDim;
            RowConversion.Write(source, memory.Rows[i], gradient.DType, gradient.ColumnStride, call.Problem.HeadDim);
        }
    }

    /// <summary>Stores a row.</summary>
    private static void StoreRow(T* source, in FlashOperand operand, int batch, int head, nint row, int dim) =>
        RowConversion.Write(source, operand.Row(batch, head, row), operand.DType, operand.ColumnStride, dim);
}
