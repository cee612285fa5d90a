using LatentSync.Attention.Kernels.Micro;

namespace LatentSync.Attention.Kernels.Planning;

/// <summary>The vectors in which a call is computed.</summary>
/// <param name="Lanes">Elements of a vector (W).</param>
/// <param name="TileVectors">Vectors of a block of queries: 4 or 2.</param>
/// <param name="ElementSize">Bytes of an element: 4 or 8.</param>
internal readonly record struct VectorShape(int Lanes, int TileVectors, int ElementSize)
{
    private const int WidestVector = 64;

    /// <summary>Queries of a block, at most.</summary>
    internal int BlockLanes => Lanes * TileVectors;

    /// <summary>Narrower than 512 bits.</summary>
    internal bool IsNarrow => Lanes * ElementSize < WidestVector;

    /// <summary>The shape of an instruction set.</summary>
    internal static unsafe VectorShape Of<TLanes, TVector, T>()
        where TLanes : ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged => new(TLanes.Count, TLanes.TileVectors, sizeof(T));
}
