using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Kernels.Micro;

/// <content>Tiles 1 vector wide.</content>
internal static unsafe partial class ProductTile<TLanes, TVector, T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<TSums>(
        T* a,
        nint aRow,
        nint aStep,
        T* b,
        nint bStep,
        int depth,
        T* c,
        nint cRow,
        int rows,
        T* lanes,
        LinePrefetcher* prefetcher
    )
        where TSums : struct, ITileSums
    {
        for (; rows >= 8; rows -= 8, a += 8 * aRow, c += 8 * cRow)
        {
            LinePrefetcher.Step(prefetcher);
            Tile8x1<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, lanes);
        }
        for (; rows >= 4; rows -= 4, a += 4 * aRow, c += 4 * cRow)
        {
            Tile4x1<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, lanes);
        }
        for (; rows > 0; rows--, a += aRow, c += cRow)
        {
            Tile1x1<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, lanes);
        }
    }

    /// <summary>8 rows x 1 vector: 8 sums, 1 factor and a broadcast in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile8x1<TSums>(T* a, nint aRow, nint aStep, T* b, nint bStep, int depth, T* c, nint cRow, T* lanes)
        where TSums : struct, ITileSums
    {
        TVector s00 = default;
        TVector s10 = default;
        TVector s20 = default;
        TVector s30 = default;
        TVector s40 = default;
        TVector s50 = default;
        TVector s60 = default;
        TVector s70 = default;
        for (; depth > 0; depth--, a += aStep, b += bStep)
        {
            TVector b0 = TLanes.Load(b);
            s00 = TLanes.MultiplyAdd(TLanes.Broadcast(*a), b0, s00);
            s10 = TLanes.MultiplyAdd(TLanes.Broadcast(a[aRow]), b0, s10);
            s20 = TLanes.MultiplyAdd(TLanes.Broadcast(a[2 * aRow]), b0, s20);
            s30 = TLanes.MultiplyAdd(TLanes.Broadcast(a[3 * aRow]), b0, s30);
            s40 = TLanes.MultiplyAdd(TLanes.Broadcast(a[4 * aRow]), b0, s40);
            s50 = TLanes.MultiplyAdd(TLanes.Broadcast(a[5 * aRow]), b0, s50);
            s60 = TLanes.MultiplyAdd(TLanes.Broadcast(a[6 * aRow]), b0, s60);
            s70 = TLanes.MultiplyAdd(TLanes.Broadcast(a[7 * aRow]), b0, s70);
        }
        s00 = Finish<TSums>(s00, c, lanes);
        s10 = Finish<TSums>(s10, c + cRow, lanes);
        s20 = Finish<TSums>(s20, c + 2 * cRow, lanes);
        s30 = Finish<TSums>(s30, c + 3 * cRow, lanes);
        s40 = Finish<TSums>(s40, c + 4 * cRow, lanes);
        s50 = Finish<TSums>(s50, c + 5 * cRow, lanes);
        s60 = Finish<TSums>(s60, c + 6 * cRow, lanes);
        s70 = Finish<TSums>(s70, c + 7 * cRow, lanes);
        if (TSums.KeepsMaximum)
        {
            TLanes.Store(
                TLanes.Max(
                    TLanes.Load(lanes),
                    TLanes.Max(
                        TLanes.Max(TLanes.Max(s00, s10), TLanes.Max(s20, s30)),
                        TLanes.Max(TLanes.Max(s40, s50), TLanes.Max(s60, s70))
                    )
                ),
                lanes
            );
        }
    }

    /// <summary>4 rows x 1 vector: 4 sums, 1 factor and a broadcast in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x1<TSums>(T* a, nint aRow, nint aStep, T* b, nint bStep, int depth, T* c, nint cRow, T* lanes)
        where TSums : struct, ITileSums
    {
        TVector s00 = default;
        TVector s10 = default;
        TVector s20 = default;
        TVector s30 = default;
        for (; depth > 0; depth--, a += aStep, b += bStep)
        {
            TVector b0 = TLanes.Load(b);
            s00 = TLanes.MultiplyAdd(TLanes.Broadcast(*a), b0, s00);
            s10 = TLanes.MultiplyAdd(TLanes.Broadcast(a[aRow]), b0, s10);
            s20 = TLanes.MultiplyAdd(TLanes.Broadcast(a[2 * aRow]), b0, s20);
            s30 = TLanes.MultiplyAdd(TLanes.Broadcast(a[3 * aRow]), b0, s30);
        }
        s00 = Finish<TSums>(s00, c, lanes);
        s10 = Finish<TSums>(s10, c + cRow, lanes);
        s20 = Finish<TSums>(s20, c + 2 * cRow, lanes);
        s30 = Finish<TSums>(s30, c + 3 * cRow, lanes);
        if (TSums.KeepsMaximum)
        {
            TLanes.Store(TLanes.Max(TLanes.Load(lanes), TLanes.Max(TLanes.Max(s00, s10), TLanes.Max(s20, s30))), lanes);
        }
    }

    /// <summary>1 row x 1 vector: 1 sums, 1 factor and a broadcast in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x1<TSums>(T* a, nint aRow, nint aStep, T* b, nint bStep, int depth, T* c, nint cRow, T* lanes)
        where TSums : struct, ITileSums
    {
        TVector s00 = default;
        for (; depth > 0; depth--, a += aStep, b += bStep)
        {
            TVector b0 = TLanes.Load(b);
            s00 = TLanes.MultiplyAdd(TLanes.Broadcast(*a), b0, s00);
        }
        s00 = Finish<TSums>(s00, c, lanes);
        if (TSums.KeepsMaximum)
        {
            TLanes.Store(TLanes.Max(TLanes.Load(lanes), s00), lanes);
        }
    }
}
