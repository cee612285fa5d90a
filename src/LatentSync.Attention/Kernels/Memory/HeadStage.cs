using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Memory;

/// <summary>A thread's copies of the rows of neighbouring heads of one sequence. Rows of neighbouring heads lie side by side, so memory is
/// read and written in long runs, and the copies of an operand are dense: (positions, heads, D).</summary>
/// <remarks>In LatentSync's temporal attention the 16 frames of a position lie a multiple of 128 KiB apart: read head by head, all 64 rows
/// (query, key, value, result) would compete for the same few cache lines. The copies are operands like others, with the same numbers of
/// sequences and heads, so that the kernels need no second way to read them.</remarks>
/// <typeparam name="T">float or double.</typeparam>
/// <param name="room">Room for the copies, <see cref="Elements"/> for each operand.</param>
/// <param name="batch">The sequence.</param>
/// <param name="firstHead">The first head.</param>
/// <param name="heads">Number of heads.</param>
internal unsafe ref struct HeadStage<T>(T* room, int batch, int firstHead, int heads)
    where T : unmanaged
{
    private T* _free = room;

    /// <summary>Room that an operand takes, whole cache lines.</summary>
    internal static long Elements(int length, int heads, int dim)
    {
        long line = Prefetching.Line / sizeof(T);
        return ((long)length * heads * dim + line - 1) / line * line;
    }

    /// <summary>Room for an operand's rows.</summary>
    /// <param name="length">Positions, from the first.</param>
    /// <param name="dim">Elements of a row of one head.</param>
    internal FlashOperand Reserve(int length, int dim)
    {
        T* start = _free;
        _free += Elements(length, heads, dim);
        AttentionDType dtype = sizeof(T) == sizeof(double) ? AttentionDType.Float64 : AttentionDType.Float32;
        return new FlashOperand((nint)(start - (nint)firstHead * dim), dtype, 0, dim, (nint)heads * dim, 1);
    }

    /// <summary>Copies an operand's rows and converts them to the type of the computation.</summary>
    /// <param name="operand">The operand.</param>
    /// <param name="length">Positions, from the first.</param>
    /// <param name="dim">Elements of a row of one head.</param>
    /// <returns>The copies.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal FlashOperand CopyIn(in FlashOperand operand, int length, int dim)
    {
        FlashOperand copies = Reserve(length, dim);
        int elements = heads * dim;
        T* row = (T*)copies.Row(batch, firstHead, 0);
        AttentionDType dtype = operand.DType;
        nint step = operand.RowStride * dtype.Size();
        byte* source = (byte*)operand.Row(batch, firstHead, 0);
        for (int i = 0; i < length; i++, row += elements, source += step)
        {
            RowConversion.Read(source, dtype, 1, row, elements);
        }
        return copies;
    }

    /// <summary>Copies rows back, converted to the operand's type.</summary>
    /// <param name="copies">The rows here.</param>
    /// <param name="operand">The operand that receives them.</param>
    /// <param name="length">Positions, from the first.</param>
    /// <param name="dim">Elements of a row of one head.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal readonly void CopyOut(in FlashOperand copies, in FlashOperand operand, int length, int dim)
    {
        int elements = heads * dim;
        T* row = (T*)copies.Row(batch, firstHead, 0);
        AttentionDType dtype = operand.DType;
        nint step = operand.RowStride * dtype.Size();
        byte* destination = (byte*)operand.Row(batch, firstHead, 0);
        for (int i = 0; i < length; i++, row += elements, destination += step)
        {
            RowConversion.Write(row, destination, dtype, 1, elements);
        }
    }
}
