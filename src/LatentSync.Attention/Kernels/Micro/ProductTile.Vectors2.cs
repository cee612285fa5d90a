using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Kernels.Micro;

/// <content>Tiles 2 vectors wide.</content>
internal static unsafe partial class ProductTile<TLanes, TVector, T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2<TSums>(
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
        // 8 rows are two fours: a six would leave two, which do not hide the latency.
        for (; rows >= 6 && rows != 8; rows -= 6, a += 6 * aRow, c += 6 * cRow)
        {
            LinePrefetcher.Step(prefetcher);
            Tile6x2<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, lanes);
        }
        for (; rows >= 4; rows -= 4, a += 4 * aRow, c += 4 * cRow)
        {
            LinePrefetcher.Step(prefetcher);
            Tile4x2<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, lanes);
        }
        for (; rows >= 2; rows -= 2, a += 2 * aRow, c += 2 * cRow)
        {
            Tile2x2<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, lanes);
        }
        for (; rows > 0; rows--, a += aRow, c += cRow)
        {
            Tile1x2<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, lanes);
        }
    }

    /// <summary>6 rows x 2 vectors: 12 sums, 2 factors and a broadcast in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x2<TSums>(T* a, nint aRow, nint aStep, T* b, nint bStep, int depth, T* c, nint cRow, T* lanes)
        where TSums : struct, ITileSums
    {
        nint w = TLanes.Count;
        TVector s00 = default,
            s01 = default;
        TVector s10 = default,
            s11 = default;
        TVector s20 = default,
            s21 = default;
        TVector s30 = default,
            s31 = default;
        TVector s40 = default,
            s41 = default;
        TVector s50 = default,
            s51 = default;
        for (; depth > 0; depth--, a += aStep, b += bStep)
        {
            TVector b0 = TLanes.Load(b),
                b1 = TLanes.Load(b + w);
            TVector x = TLanes.Broadcast(*a);
            s00 = TLanes.MultiplyAdd(x, b0, s00);
            s01 = TLanes.MultiplyAdd(x, b1, s01);
            x = TLanes.Broadcast(a[aRow]);
            s10 = TLanes.MultiplyAdd(x, b0, s10);
            s11 = TLanes.MultiplyAdd(x, b1, s11);
            x = TLanes.Broadcast(a[2 * aRow]);
            s20 = TLanes.MultiplyAdd(x, b0, s20);
            s21 = TLanes.MultiplyAdd(x, b1, s21);
            x = TLanes.Broadcast(a[3 * aRow]);
            s30 = TLanes.MultiplyAdd(x, b0, s30);
            s31 = TLanes.MultiplyAdd(x, b1, s31);
            x = TLanes.Broadcast(a[4 * aRow]);
            s40 = TLanes.MultiplyAdd(x, b0, s40);
            s41 = TLanes.MultiplyAdd(x, b1, s41);
            x = TLanes.Broadcast(a[5 * aRow]);
            s50 = TLanes.MultiplyAdd(x, b0, s50);
            s51 = TLanes.MultiplyAdd(x, b1, s51);
        }
        s00 = Finish<TSums>(s00, c, lanes);
        s01 = Finish<TSums>(s01, c + w, lanes + w);
        s10 = Finish<TSums>(s10, c + cRow, lanes);
        s11 = Finish<TSums>(s11, c + cRow + w, lanes + w);
        s20 = Finish<TSums>(s20, c + 2 * cRow, lanes);
        s21 = Finish<TSums>(s21, c + 2 * cRow + w, lanes + w);
        s30 = Finish<TSums>(s30, c + 3 * cRow, lanes);
        s31 = Finish<TSums>(s31, c + 3 * cRow + w, lanes + w);
        s40 = Finish<TSums>(s40, c + 4 * cRow, lanes);
        s41 = Finish<TSums>(s41, c + 4 * cRow + w, lanes + w);
        s50 = Finish<TSums>(s50, c + 5 * cRow, lanes);
        s51 = Finish<TSums>(s51, c + 5 * cRow + w, lanes + w);
        if (TSums.KeepsMaximum)
        {
            TLanes.Store(
                TLanes.Max(TLanes.Load(lanes), TLanes.Max(TLanes.Max(TLanes.Max(s00, s10), TLanes.Max(s20, s30)), TLanes.Max(s40, s50))),
                lanes
            );
            TLanes.Store(
                TLanes.Max(
                    TLanes.Load(lanes + w),
                    TLanes.Max(TLanes.Max(TLanes.Max(s01, s11), TLanes.Max(s21, s31)), TLanes.Max(s41, s51))
                ),
                lanes + w
            );
        }
    }

    /// <summary>4 rows x 2 vectors: 8 sums, 2 factors and a broadcast in registers. Just enough sums to hide the latency, where two tiles
    /// of 2 rows would take twice as long.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x2<TSums>(T* a, nint aRow, nint aStep, T* b, nint bStep, int depth, T* c, nint cRow, T* lanes)
        where TSums : struct, ITileSums
    {
        nint w = TLanes.Count;
        TVector s00 = default,
            s01 = default;
        TVector s10 = default,
            s11 = default;
        TVector s20 = default,
            s21 = default;
        TVector s30 = default,
            s31 = default;
        for (; depth > 0; depth--, a += aStep, b += bStep)
        {
            TVector b0 = TLanes.Load(b),
                b1 = TLanes.Load(b + w);
            TVector x = TLanes.Broadcast(*a);
            s00 = TLanes.MultiplyAdd(x, b0, s00);
            s01 = TLanes.MultiplyAdd(x, b1, s01);
            x = TLanes.Broadcast(a[aRow]);
            s10 = TLanes.MultiplyAdd(x, b0, s10);
            s11 = TLanes.MultiplyAdd(x, b1, s11);
            x = TLanes.Broadcast(a[2 * aRow]);
            s20 = TLanes.MultiplyAdd(x, b0, s20);
            s21 = TLanes.MultiplyAdd(x, b1, s21);
            x = TLanes.Broadcast(a[3 * aRow]);
            s30 = TLanes.MultiplyAdd(x, b0, s30);
            s31 = TLanes.MultiplyAdd(x, b1, s31);
        }
        s00 = Finish<TSums>(s00, c, lanes);
        s01 = Finish<TSums>(s01, c + w, lanes + w);
        s10 = Finish<TSums>(s10, c + cRow, lanes);
        s11 = Finish<TSums>(s11, c + cRow + w, lanes + w);
        s20 = Finish<TSums>(s20, c + 2 * cRow, lanes);
        s21 = Finish<TSums>(s21, c + 2 * cRow + w, lanes + w);
        s30 = Finish<TSums>(s30, c + 3 * cRow, lanes);
        s31 = Finish<TSums>(s31, c + 3 * cRow + w, lanes + w);
        if (TSums.KeepsMaximum)
        {
            TLanes.Store(TLanes.Max(TLanes.Load(lanes), TLanes.Max(TLanes.Max(s00, s10), TLanes.Max(s20, s30))), lanes);
            TLanes.Store(TLanes.Max(TLanes.Load(lanes + w), TLanes.Max(TLanes.Max(s01, s11), TLanes.Max(s21, s31))), lanes + w);
        }
    }

    /// <summary>2 rows x 2 vectors: 4 sums, 2 factors and a broadcast in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile2x2<TSums>(T* a, nint aRow, nint aStep, T* b, nint bStep, int depth, T* c, nint cRow, T* lanes)
        where TSums : struct, ITileSums
    {
        nint w = TLanes.Count;
        TVector s00 = default,
            s01 = default;
        TVector s10 = default,
            s11 = default;
        for (; depth > 0; depth--, a += aStep, b += bStep)
        {
            TVector b0 = TLanes.Load(b),
                b1 = TLanes.Load(b + w);
            TVector x = TLanes.Broadcast(*a);
            s00 = TLanes.MultiplyAdd(x, b0, s00);
            s01 = TLanes.MultiplyAdd(x, b1, s01);
            x = TLanes.Broadcast(a[aRow]);
            s10 = TLanes.MultiplyAdd(x, b0, s10);
            s11 = TLanes.MultiplyAdd(x, b1, s11);
        }
        s00 = Finish<TSums>(s00, c, lanes);
        s01 = Finish<TSums>(s01, c + w, lanes + w);
        s10 = Finish<TSums>(s10, c + cRow, lanes);
        s11 = Finish<TSums>(s11, c + cRow + w, lanes + w);
        if (TSums.KeepsMaximum)
        {
            TLanes.Store(TLanes.Max(TLanes.Load(lanes), TLanes.Max(s00, s10)), lanes);
            TLanes.Store(TLanes.Max(TLanes.Load(lanes + w), TLanes.Max(s01, s11)), lanes + w);
        }
    }

    /// <summary>1 row x 2 vectors: 2 sums, 2 factors and a broadcast in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x2<TSums>(T* a, nint aRow, nint aStep, T* b, nint bStep, int depth, T* c, nint cRow, T* lanes)
        where TSums : struct, ITileSums
    {
        nint w = TLanes.Count;
        TVector s00 = default,
            s01 = default;
        for (; depth > 0; depth--, a += aStep, b += bStep)
        {
            TVector b0 = TLanes.Load(b),
                b1 = TLanes.Load(b + w);
            TVector x = TLanes.Broadcast(*a);
            s00 = TLanes.MultiplyAdd(x, b0, s00);
            s01 = TLanes.MultiplyAdd(x, b1, s01);
        }
        s00 = Finish<TSums>(s00, c, lanes);
        s01 = Finish<TSums>(s01, c + w, lanes + w);
        if (TSums.KeepsMaximum)
        {
            TLanes.Store(TLanes.Max(TLanes.Load(lanes), s00), lanes);
            TLanes.Store(TLanes.Max(TLanes.Load(lanes + w), s01), lanes + w);
        }
    }
}
