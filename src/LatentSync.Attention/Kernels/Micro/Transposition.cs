using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>Transposes rows in memory into lanes and back, for any number of columns: once per block of queries and of results. Keys and
/// values are never transposed.</summary>
internal static unsafe class Transposition
{
    private const int Strip = 4;

    /// <summary>Lane i of column c becomes element c of row i: (vectors · W rows, columns) to (columns, vectors · W).</summary>
    /// <param name="rows">vectors · W addresses.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="destination">Columns of vectors · W elements.</param>
    /// <param name="vectors">Vectors side by side.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void ToLanes<TLanes, TVector, T>(T** rows, int columns, T* destination, int vectors)
        where TLanes : ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged
    {
        nint stride = vectors * TLanes.Count;
        int whole = columns & ~(Strip - 1);
        for (int v = 0; v < vectors; v++, rows += TLanes.Count, destination += TLanes.Count)
        {
            for (int c = 0; c < whole; c += Strip)
            {
                TLanes.GatherColumns4(rows, c, destination + c * stride, stride);
            }
            Gather(rows, TLanes.Count, whole, columns - whole, destination + whole * stride, stride);
        }
    }

    /// <summary>The reverse of <see cref="ToLanes"/>, multiplied per lane.</summary>
    /// <param name="source">Columns of vectors · W elements.</param>
    /// <param name="vectors">Vectors side by side.</param>
    /// <param name="factors">vectors · W numbers.</param>
    /// <param name="rows">vectors · W addresses.</param>
    /// <param name="columns">Elements of a row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void ToRows<TLanes, TVector, T>(T* source, int vectors, T* factors, T** rows, int columns)
        where TLanes : ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged
    {
        nint stride = vectors * TLanes.Count;
        int whole = columns & ~(Strip - 1);
        for (int v = 0; v < vectors; v++, rows += TLanes.Count, source += TLanes.Count)
        {
            TVector factor = TLanes.Load(factors + v * TLanes.Count);
            for (int c = 0; c < whole; c += Strip)
            {
                TLanes.ScatterColumns4(source + c * stride, stride, factor, rows, c);
            }
            Scatter<TLanes, TVector, T>(source + whole * stride, stride, factor, rows, whole, columns - whole);
        }
    }

    /// <summary>Some columns, element by element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Gather<T>(T** rows, int count, nint column, int columns, T* destination, nint stride)
        where T : unmanaged
    {
        for (int c = 0; c < columns; c++)
        {
            for (int i = 0; i < count; i++)
            {
                destination[c * stride + i] = rows[i][column + c];
            }
        }
    }

    /// <summary>Some columns, multiplied, element by element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Scatter<TLanes, TVector, T>(T* source, nint stride, TVector factor, T** rows, nint column, int columns)
        where TLanes : ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged
    {
        T* lanes = stackalloc T[TLanes.Count];
        for (int c = 0; c < columns; c++)
        {
            TLanes.Store(TLanes.Multiply(TLanes.Load(source + c * stride), factor), lanes);
            for (int i = 0; i < TLanes.Count; i++)
            {
                rows[i][column + c] = lanes[i];
            }
        }
    }
}
