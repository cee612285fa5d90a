using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Kernels.Micro;

/// <content>Tiles 4 vectors wide.</content>
internal static unsafe partial class ProductTile<TLanes, TVector, T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<TSums>(
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
        for (; rows >= 6; rows -= 6, a += 6 * aRow, c += 6 * cRow)
        {
            Tile6x4<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, lanes, prefetcher);
        }
        for (; rows >= 2; rows -= 2, a += 2 * aRow, c += 2 * cRow)
        {
            Tile2x4<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, lanes);
        }
        for (; rows > 0; rows--, a += aRow, c += cRow)
        {
            Tile1x4<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, lanes);
        }
    }

    /// <summary>6 rows x 4 vectors: 24 sums, 4 factors and a broadcast in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x4<TSums>(
        T* a,
        nint aRow,
        nint aStep,
        T* b,
        nint bStep,
        int depth,
        T* c,
        nint cRow,
        T* lanes,
        LinePrefetcher* prefetcher
    )
        where TSums : struct, ITileSums
    {
        nint w = TLanes.Count;
        TVector s00 = default,
            s01 = default,
            s02 = default,
            s03 = default;
        TVector s10 = default,
            s11 = default,
            s12 = default,
            s13 = default;
        TVector s20 = default,
            s21 = default,
            s22 = default,
            s23 = default;
        TVector s30 = default,
            s31 = default,
            s32 = default,
            s33 = default;
        TVector s40 = default,
            s41 = default,
            s42 = default,
            s43 = default;
        TVector s50 = default,
            s51 = default,
            s52 = default,
            s53 = default;
        int stretch = prefetcher is null ? depth : StepsPerPrefetch;
        while (depth > 0)
        {
            int n = Math.Min(stretch, depth);
            depth -= n;
            LinePrefetcher.Step(prefetcher);
            for (; n > 0; n--, a += aStep, b += bStep)
            {
                TVector b0 = TLanes.Load(b),
                    b1 = TLanes.Load(b + w),
                    b2 = TLanes.Load(b + 2 * w),
                    b3 = TLanes.Load(b + 3 * w);
                TVector x = TLanes.Broadcast(*a);
                s00 = TLanes.MultiplyAdd(x, b0, s00);
                s01 = TLanes.MultiplyAdd(x, b1, s01);
                s02 = TLanes.MultiplyAdd(x, b2, s02);
                s03 = TLanes.MultiplyAdd(x, b3, s03);
                x = TLanes.Broadcast(a[aRow]);
                s10 = TLanes.MultiplyAdd(x, b0, s10);
                s11 = TLanes.MultiplyAdd(x, b1, s11);
                s12 = TLanes.MultiplyAdd(x, b2, s12);
                s13 = TLanes.MultiplyAdd(x, b3, s13);
                x = TLanes.Broadcast(a[2 * aRow]);
                s20 = TLanes.MultiplyAdd(x, b0, s20);
                s21 = TLanes.MultiplyAdd(x, b1, s21);
                s22 = TLanes.MultiplyAdd(x, b2, s22);
                s23 = TLanes.MultiplyAdd(x, b3, s23);
                x = TLanes.Broadcast(a[3 * aRow]);
                s30 = TLanes.MultiplyAdd(x, b0, s30);
                s31 = TLanes.MultiplyAdd(x, b1, s31);
                s32 = TLanes.MultiplyAdd(x, b2, s32);
                s33 = TLanes.MultiplyAdd(x, b3, s33);
                x = TLanes.Broadcast(a[4 * aRow]);
                s40 = TLanes.MultiplyAdd(x, b0, s40);
                s41 = TLanes.MultiplyAdd(x, b1, s41);
                s42 = TLanes.MultiplyAdd(x, b2, s42);
                s43 = TLanes.MultiplyAdd(x, b3, s43);
                x = TLanes.Broadcast(a[5 * aRow]);
                s50 = TLanes.MultiplyAdd(x, b0, s50);
                s51 = TLanes.MultiplyAdd(x, b1, s51);
                s52 = TLanes.MultiplyAdd(x, b2, s52);
                s53 = TLanes.MultiplyAdd(x, b3, s53);
            }
        }
        s00 = Finish<TSums>(s00, c, lanes);
        s01 = Finish<TSums>(s01, c + w, lanes + w);
        s02 = Finish<TSums>(s02, c + 2 * w, lanes + 2 * w);
        s03 = Finish<TSums>(s03, c + 3 * w, lanes + 3 * w);
        s10 = Finish<TSums>(s10, c + cRow, lanes);
        s11 = Finish<TSums>(s11, c + cRow + w, lanes + w);
        s12 = Finish<TSums>(s12, c + cRow + 2 * w, lanes + 2 * w);
        s13 = Finish<TSums>(s13, c + cRow + 3 * w, lanes + 3 * w);
        s20 = Finish<TSums>(s20, c + 2 * cRow, lanes);
        s21 = Finish<TSums>(s21, c + 2 * cRow + w, lanes + w);
        s22 = Finish<TSums>(s22, c + 2 * cRow + 2 * w, lanes + 2 * w);
        s23 = Finish<TSums>(s23, c + 2 * cRow + 3 * w, lanes + 3 * w);
        s30 = Finish<TSums>(s30, c + 3 * cRow, lanes);
        s31 = Finish<TSums>(s31, c + 3 * cRow + w, lanes + w);
        s32 = Finish<TSums>(s32, c + 3 * cRow + 2 * w, lanes + 2 * w);
        s33 = Finish<TSums>(s33, c + 3 * cRow + 3 * w, lanes + 3 * w);
        s40 = Finish<TSums>(s40, c + 4 * cRow, lanes);
        s41 = Finish<TSums>(s41, c + 4 * cRow + w, lanes + w);
        s42 = Finish<TSums>(s42, c + 4 * cRow + 2 * w, lanes + 2 * w);
        s43 = Finish<TSums>(s43, c + 4 * cRow + 3 * w, lanes + 3 * w);
        s50 = Finish<TSums>(s50, c + 5 * cRow, lanes);
        s51 = Finish<TSums>(s51, c + 5 * cRow + w, lanes + w);
        s52 = Finish<TSums>(s52, c + 5 * cRow + 2 * w, lanes + 2 * w);
        s53 = Finish<TSums>(s53, c + 5 * cRow + 3 * w, lanes + 3 * w);
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
            TLanes.Store(
                TLanes.Max(
                    TLanes.Load(lanes + 2 * w),
                    TLanes.Max(TLanes.Max(TLanes.Max(s02, s12), TLanes.Max(s22, s32)), TLanes.Max(s42, s52))
                ),
                lanes + 2 * w
            );
            TLanes.Store(
                TLanes.Max(
                    TLanes.Load(lanes + 3 * w),
                    TLanes.Max(TLanes.Max(TLanes.Max(s03, s13), TLanes.Max(s23, s33)), TLanes.Max(s43, s53))
                ),
                lanes + 3 * w
            );
        }
    }

    /// <summary>2 rows x 4 vectors: 8 sums, 4 factors and a broadcast in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile2x4<TSums>(T* a, nint aRow, nint aStep, T* b, nint bStep, int depth, T* c, nint cRow, T* lanes)
        where TSums : struct, ITileSums
    {
        nint w = TLanes.Count;
        TVector s00 = default,
            s01 = default,
            s02 = default,
            s03 = default;
        TVector s10 = default,
            s11 = default,
            s12 = default,
            s13 = default;
        for (; depth > 0; depth--, a += aStep, b += bStep)
        {
            TVector b0 = TLanes.Load(b),
                b1 = TLanes.Load(b + w),
                b2 = TLanes.Load(b + 2 * w),
                b3 = TLanes.Load(b + 3 * w);
            TVector x = TLanes.Broadcast(*a);
            s00 = TLanes.MultiplyAdd(x, b0, s00);
            s01 = TLanes.MultiplyAdd(x, b1, s01);
            s02 = TLanes.MultiplyAdd(x, b2, s02);
            s03 = TLanes.MultiplyAdd(x, b3, s03);
            x = TLanes.Broadcast(a[aRow]);
            s10 = TLanes.MultiplyAdd(x, b0, s10);
            s11 = TLanes.MultiplyAdd(x, b1, s11);
            s12 = TLanes.MultiplyAdd(x, b2, s12);
            s13 = TLanes.MultiplyAdd(x, b3, s13);
        }
        s00 = Finish<TSums>(s00, c, lanes);
        s01 = Finish<TSums>(s01, c + w, lanes + w);
        s02 = Finish<TSums>(s02, c + 2 * w, lanes + 2 * w);
        s03 = Finish<TSums>(s03, c + 3 * w, lanes + 3 * w);
        s10 = Finish<TSums>(s10, c + cRow, lanes);
        s11 = Finish<TSums>(s11, c + cRow + w, lanes + w);
        s12 = Finish<TSums>(s12, c + cRow + 2 * w, lanes + 2 * w);
        s13 = Finish<TSums>(s13, c + cRow + 3 * w, lanes + 3 * w);
        if (TSums.KeepsMaximum)
        {
            TLanes.Store(TLanes.Max(TLanes.Load(lanes), TLanes.Max(s00, s10)), lanes);
            TLanes.Store(TLanes.Max(TLanes.Load(lanes + w), TLanes.Max(s01, s11)), lanes + w);
            TLanes.Store(TLanes.Max(TLanes.Load(lanes + 2 * w), TLanes.Max(s02, s12)), lanes + 2 * w);
            TLanes.Store(TLanes.Max(TLanes.Load(lanes + 3 * w), TLanes.Max(s03, s13)), lanes + 3 * w);
        }
    }

    /// <summary>1 row x 4 vectors: 4 sums, 4 factors and a broadcast in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x4<TSums>(T* a, nint aRow, nint aStep, T* b, nint bStep, int depth, T* c, nint cRow, T* lanes)
        where TSums : struct, ITileSums
    {
        nint w = TLanes.Count;
        TVector s00 = default,
            s01 = default,
            s02 = default,
            s03 = default;
        for (; depth > 0; depth--, a += aStep, b += bStep)
        {
            TVector b0 = TLanes.Load(b),
                b1 = TLanes.Load(b + w),
                b2 = TLanes.Load(b + 2 * w),
                b3 = TLanes.Load(b + 3 * w);
            TVector x = TLanes.Broadcast(*a);
            s00 = TLanes.MultiplyAdd(x, b0, s00);
            s01 = TLanes.MultiplyAdd(x, b1, s01);
            s02 = TLanes.MultiplyAdd(x, b2, s02);
            s03 = TLanes.MultiplyAdd(x, b3, s03);
        }
        s00 = Finish<TSums>(s00, c, lanes);
        s01 = Finish<TSums>(s01, c + w, lanes + w);
        s02 = Finish<TSums>(s02, c + 2 * w, lanes + 2 * w);
        s03 = Finish<TSums>(s03, c + 3 * w, lanes + 3 * w);
        if (TSums.KeepsMaximum)
        {
            TLanes.Store(TLanes.Max(TLanes.Load(lanes), s00), lanes);
            TLanes.Store(TLanes.Max(TLanes.Load(lanes + w), s01), lanes + w);
            TLanes.Store(TLanes.Max(TLanes.Load(lanes + 2 * w), s02), lanes + 2 * w);
            TLanes.Store(TLanes.Max(TLanes.Load(lanes + 3 * w), s03), lanes + 3 * w);
        }
    }
}
