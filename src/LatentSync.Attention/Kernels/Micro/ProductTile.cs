using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>What a tile does with its sums; constants for the compiler.</summary>
internal interface ITileSums
{
    /// <summary>The sums are added to C; otherwise they replace it.</summary>
    static abstract bool Accumulates { get; }

    /// <summary>C is first multiplied by a number per lane.</summary>
    static abstract bool Rescales { get; }

    /// <summary>The largest sum of each lane is kept.</summary>
    static abstract bool KeepsMaximum { get; }
}

/// <summary>C = A B.</summary>
internal readonly struct NewSums : ITileSums
{
    public static bool Accumulates => false;

    public static bool Rescales => false;

    public static bool KeepsMaximum => false;
}

/// <summary>C = A B, and per lane the maximum of the earlier maximum and the new sums.</summary>
internal readonly struct NewSumsWithMaximum : ITileSums
{
    public static bool Accumulates => false;

    public static bool Rescales => false;

    public static bool KeepsMaximum => true;
}

/// <summary>C += A B: the new terms are summed on their own first, which rounds less.</summary>
internal readonly struct AddedSums : ITileSums
{
    public static bool Accumulates => true;

    public static bool Rescales => false;

    public static bool KeepsMaximum => false;
}

/// <summary>C += A B, and per lane the maximum of the earlier maximum and the sums.</summary>
internal readonly struct AddedSumsWithMaximum : ITileSums
{
    public static bool Accumulates => true;

    public static bool Rescales => false;

    public static bool KeepsMaximum => true;
}

/// <summary>C = C · lanes + A B; here too the new terms are summed on their own first.</summary>
internal readonly struct RescaledSums : ITileSums
{
    public static bool Accumulates => true;

    public static bool Rescales => true;

    public static bool KeepsMaximum => false;
}

/// <summary>
/// The one matrix product of all kernels: C(m, lanes) = Σₖ A(m, k) · B(k, lanes). B and C have their lanes side by side; A is read as
/// single numbers, one broadcast each, so it may have any strides: neither keys nor values are ever packed or transposed.
/// </summary>
/// <remarks>
/// Registers: 6 rows x 4 vectors are 24 sums, 4 vectors of B and 1 broadcast, 29 of 32; a step is 24 multiply-adds for 10 loads. With 16
/// registers 6 x 2: 12 + 2 + 1. One vector wide 8 rows: enough sums in flight to hide the latency of 4 cycles on two units.
/// The last rows take smaller tiles: there are no scalar tails, and every computed sum is used.
/// <para>The tiles are written out, one method per size, because the JIT keeps sums in registers only as single locals: in an array, or
/// behind a call, each would be stored and loaded at every step.</para>
/// </remarks>
internal static unsafe partial class ProductTile<TLanes, TVector, T>
    where TLanes : ILanes<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>Steps of a tile of 4 vectors from one prefetch point to the next: as many as a cache line has floats.</summary>
    private const int StepsPerPrefetch = 16;

    /// <summary>Most terms of a plain sum, because the rounding of n terms grows with the root of n and more; longer sums are sums of parts
    /// of so many terms.</summary>
    private const int LongestSum = 256,
        Part = 128;

    /// <summary>The product.</summary>
    /// <param name="a">A(0, 0).</param>
    /// <param name="aRow">Elements from A(m, k) to A(m + 1, k).</param>
    /// <param name="aStep">Elements from A(m, k) to A(m, k + 1).</param>
    /// <param name="b">B(0, 0).</param>
    /// <param name="bStep">Elements from B(k, ·) to B(k + 1, ·).</param>
    /// <param name="depth">Number of k; at 0 the sums are zero.</param>
    /// <param name="c">C(0, 0).</param>
    /// <param name="cRow">Elements from C(m, ·) to C(m + 1, ·).</param>
    /// <param name="rows">Number of m.</param>
    /// <param name="vectors">Width of B and C in vectors, 1 to 4.</param>
    /// <param name="lanes">One number per lane, for <see cref="ITileSums.Rescales"/> and <see cref="ITileSums.KeepsMaximum"/>.</param>
    /// <param name="prefetcher">What is prefetched meanwhile, at <see cref="PrefetchPoints"/> points; null for nothing.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Multiply<TSums>(
        T* a,
        nint aRow,
        nint aStep,
        T* b,
        nint bStep,
        int depth,
        T* c,
        nint cRow,
        int rows,
        int vectors,
        T* lanes = null,
        LinePrefetcher* prefetcher = null
    )
        where TSums : struct, ITileSums
    {
        if (depth > LongestSum && !TSums.Rescales)
        {
            MultiplyParts<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, rows, vectors, lanes, prefetcher);
            return;
        }
        switch (vectors)
        {
            case 4:
                Rows4<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, rows, lanes, prefetcher);
                break;
            case 3:
                Rows3<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, rows, lanes, prefetcher);
                break;
            case 2:
                Rows2<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, rows, lanes, prefetcher);
                break;
            default:
                Rows1<TSums>(a, aRow, aStep, b, bStep, depth, c, cRow, rows, lanes, prefetcher);
                break;
        }
    }

    /// <summary>The product in parts of <see cref="Part"/> steps, one tile's rows after the other. Part by part for all rows would read
    /// pieces of long rows, which share cache sets (Zen 1, head dim 512, backward: 0.88 times as fast as without parts; tile by tile
    /// 0.95).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyParts<TSums>(
        T* a,
        nint aRow,
        nint aStep,
        T* b,
        nint bStep,
        int depth,
        T* c,
        nint cRow,
        int rows,
        int vectors,
        T* lanes,
        LinePrefetcher* prefetcher
    )
        where TSums : struct, ITileSums
    {
        for (int tile = vectors == 1 ? 8 : 6; rows > 0; a += tile * aRow, c += tile * cRow, rows -= tile)
        {
            int n = rows == 8 ? rows : Math.Min(rows, tile); // two fours, not a six and a two
            tile = n;
            for (int done = 0; done < depth; done += Part)
            {
                T* aPart = a + done * aStep,
                    bPart = b + done * bStep;
                int steps = Math.Min(Part, depth - done);
                if (done == 0 && !TSums.Accumulates)
                {
                    Multiply<NewSums>(aPart, aRow, aStep, bPart, bStep, steps, c, cRow, n, vectors, null, prefetcher);
                }
                else if (TSums.KeepsMaximum && done + steps == depth)
                {
                    Multiply<AddedSumsWithMaximum>(aPart, aRow, aStep, bPart, bStep, steps, c, cRow, n, vectors, lanes, prefetcher);
                }
                else
                {
                    Multiply<AddedSums>(aPart, aRow, aStep, bPart, bStep, steps, c, cRow, n, vectors, null, prefetcher);
                }
            }
        }
    }

    /// <summary>Prefetch points of a product: before each of the largest tiles and those of 4 x 2; inside the tiles of 4 vectors, which are
    /// the longest, every <see cref="StepsPerPrefetch"/> steps. With 16 registers there is none left to prefetch inside a tile.</summary>
    internal static int PrefetchPoints(int rows, int depth, int vectors)
    {
        int parts = depth > LongestSum ? (depth + Part - 1) / Part : 1;
        return vectors switch
        {
            4 => rows / 6 * ((depth + StepsPerPrefetch - 1) / StepsPerPrefetch),
            2 => parts * ((rows + 2) / 6 + (rows >= 8 && rows % 6 == 2 ? 1 : 0)),
            _ => parts * (rows / 8),
        };
    }

    /// <summary>C(m, width) += A(m, k) · B(k, width): rows of any number of vectors side by side, as many at a time as a tile
    /// has.</summary>
    /// <param name="a">A(0, 0); its steps lie side by side.</param>
    /// <param name="aRow">Elements from A(m, k) to A(m + 1, k).</param>
    /// <param name="b">B(0, 0).</param>
    /// <param name="bStep">Elements from B(k, ·) to B(k + 1, ·).</param>
    /// <param name="depth">Number of k.</param>
    /// <param name="c">C(0, 0).</param>
    /// <param name="cRow">Elements from C(m, ·) to C(m + 1, ·).</param>
    /// <param name="rows">Number of m.</param>
    /// <param name="width">Elements of a row of B and C; a multiple of W.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void AddWide(T* a, nint aRow, T* b, nint bStep, int depth, T* c, nint cRow, int rows, int width)
    {
        for (int left = width / TLanes.Count; left > 0; )
        {
            int vectors = TLanes.TileVectors < 4 ? Math.Min(left, 2)
                : left == 5 ? 3
                : Math.Min(left, 4),
                elements = vectors * TLanes.Count;
            Multiply<AddedSums>(a, aRow, 1, b, bStep, depth, c, cRow, rows, vectors);
            b += elements;
            c += elements;
            left -= vectors;
        }
    }

    /// <summary>Writes a sum; returns what was written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Finish<TSums>(TVector sum, T* c, T* lanes)
        where TSums : struct, ITileSums
    {
        sum =
            TSums.Rescales ? TLanes.MultiplyAdd(TLanes.Load(c), TLanes.Load(lanes), sum)
            : TSums.Accumulates ? TLanes.Add(TLanes.Load(c), sum)
            : sum;
        TLanes.Store(sum, c);
        return sum;
    }
}
