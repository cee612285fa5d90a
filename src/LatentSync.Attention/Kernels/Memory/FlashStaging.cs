using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Calls;

namespace LatentSync.Attention.Kernels.Memory;

/// <summary>Positions of several heads whose vectors lie side by side, copied whole: memory is read and written in long pieces, and the
/// copies of one operand are neighbours, (positions, heads, D).</summary>
internal static unsafe class FlashStaging
{
    /// <summary>Copies and converts.</summary>
    /// <param name="operand">Where they lie.</param>
    /// <param name="batch">Sequence.</param>
    /// <param name="head">First head.</param>
    /// <param name="positions">Positions, from the first.</param>
    /// <param name="elements">Elements of a position: of all heads.</param>
    /// <param name="destination">(positions, elements).</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Read<T>(in FlashOperand operand, int batch, int head, int positions, int elements, T* destination)
        where T : unmanaged
    {
        for (int i = 0; i < positions; i++, destination += elements)
        {
            RowConversion.Read(operand.Row(batch, head, i), operand.DType, 1, destination, elements);
        }
    }

    /// <summary>The reverse of <see cref="Read"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Write<T>(T* source, in FlashOperand operand, int batch, int head, int positions, int elements)
        where T : unmanaged
    {
        for (int i = 0; i < positions; i++, source += elements)
        {
            RowConversion.Write(source, operand.Row(batch, head, i), operand.DType, 1, elements);
        }
    }
}
