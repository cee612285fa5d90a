using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>AVX-512: 16 floats or 8 doubles, 32 registers.</summary>
/// <typeparam name="T">float or double.</typeparam>
internal readonly unsafe struct Lanes512<T> : ILanes<Vector512<T>, T>
    where T : unmanaged
{
    public static int Count => Vector512<T>.Count;

    public static int TileVectors => 4;

    public static Vector512<T> Load(T* source) => Vector512.Load(source);

    public static void Store(Vector512<T> vector, T* destination) => vector.Store(destination);

    public static Vector512<T> Broadcast(T value) => Vector512.Create(value);

    public static Vector512<T> Sequence(T start, T step) => Vector512.CreateSequence(start, step);

    public static Vector512<T> MultiplyAdd(Vector512<T> a, Vector512<T> b, Vector512<T> c) =>
        typeof(T) == typeof(float)
            ? Vector512.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
            : Vector512.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    public static Vector512<T> Add(Vector512<T> a, Vector512<T> b) => a + b;

    public static Vector512<T> Subtract(Vector512<T> a, Vector512<T> b) => a - b;

    public static Vector512<T> Multiply(Vector512<T> a, Vector512<T> b) => a * b;

    public static Vector512<T> Divide(Vector512<T> a, Vector512<T> b) => a / b;

    public static Vector512<T> Max(Vector512<T> a, Vector512<T> b) => Vector512.MaxNative(a, b);

    public static Vector512<T> Min(Vector512<T> a, Vector512<T> b) => Vector512.MinNative(a, b);

    public static Vector512<T> Abs(Vector512<T> a) => Vector512.Abs(a);

    public static Vector512<T> LessThan(Vector512<T> a, Vector512<T> b) => Vector512.LessThan(a, b);

    public static Vector512<T> EqualTo(Vector512<T> a, Vector512<T> b) => Vector512.Equals(a, b);

    public static Vector512<T> Select(Vector512<T> condition, Vector512<T> yes, Vector512<T> no) =>
        Vector512.ConditionalSelect(condition, yes, no);

    public static Vector512<T> WithSignOf(Vector512<T> a, Vector512<T> b) => Vector512.CopySign(a, b);

    public static Vector512<T> MantissaToExponent(Vector512<T> a) =>
        typeof(T) == typeof(float)
            ? (a.AsUInt32() << Exponential.FloatMantissaBits).As<uint, T>()
            : (a.AsUInt64() << Exponential.DoubleMantissaBits).As<ulong, T>();

    public static bool AnyBit(Vector512<T> a) => a.AsUInt32() != Vector512<uint>.Zero;

    public static T Sum(Vector512<T> a) => Vector512.Sum(a);

    public static T Largest(Vector512<T> a)
    {
        Vector256<T> half = Vector256.MaxNative(a.GetLower(), a.GetUpper());
        return Lanes256<T>.Largest(half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void GatherColumns4(T** rows, nint column, T* destination, nint stride)
    {
        if (typeof(T) != typeof(float))
        {
            Transposition.Gather(rows, Count, column, 4, destination, stride);
            return;
        }
        // Part p of row vector k holds row 4p + k: after a 4 x 4 transposition within each part, the rows lie in order.
        Vector512<float> a = Rows(rows, 0, column),
            b = Rows(rows, 1, column),
            c = Rows(rows, 2, column),
            d = Rows(rows, 3, column);
        (a, b, c, d) = Transpose(a, b, c, d);
        a.Store((float*)destination);
        b.Store((float*)(destination + stride));
        c.Store((float*)(destination + 2 * stride));
        d.Store((float*)(destination + 3 * stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterColumns4(T* source, nint stride, Vector512<T> factor, T** rows, nint column)
    {
        if (typeof(T) != typeof(float))
        {
            Transposition.Scatter<Lanes512<T>, Vector512<T>, T>(source, stride, factor, rows, column, 4);
            return;
        }
        Vector512<float> scale = factor.AsSingle();
        Vector512<float> a = Vector512.Load((float*)source) * scale,
            b = Vector512.Load((float*)(source + stride)) * scale;
        Vector512<float> c = Vector512.Load((float*)(source + 2 * stride)) * scale,
            d = Vector512.Load((float*)(source + 3 * stride)) * scale;
        (a, b, c, d) = Transpose(a, b, c, d);
        StoreRows(a, rows, 0, column);
        StoreRows(b, rows, 1, column);
        StoreRows(c, rows, 2, column);
        StoreRows(d, rows, 3, column);
    }

    // Inserting from memory keeps the one shuffle unit free.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Rows(T** rows, int k, nint column)
    {
        Vector512<float> all = Vector128.Load((float*)rows[k] + column).ToVector256Unsafe().ToVector512Unsafe();
        all = Avx512F.InsertVector128(all, Vector128.Load((float*)rows[k + 4] + column), 1);
        all = Avx512F.InsertVector128(all, Vector128.Load((float*)rows[k + 8] + column), 2);
        return Avx512F.InsertVector128(all, Vector128.Load((float*)rows[k + 12] + column), 3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRows(Vector512<float> vector, T** rows, int k, nint column)
    {
        vector.GetLower().GetLower().Store((float*)rows[k] + column);
        Avx512F.ExtractVector128(vector, 1).Store((float*)rows[k + 4] + column);
        Avx512F.ExtractVector128(vector, 2).Store((float*)rows[k + 8] + column);
        Avx512F.ExtractVector128(vector, 3).Store((float*)rows[k + 12] + column);
    }

    /// <summary>A 4 x 4 transposition in each 128-bit part; its own inverse.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> A, Vector512<float> B, Vector512<float> C, Vector512<float> D) Transpose(
        Vector512<float> a,
        Vector512<float> b,
        Vector512<float> c,
        Vector512<float> d
    )
    {
        Vector512<double> lowAB = Avx512F.UnpackLow(a, b).AsDouble(),
            highAB = Avx512F.UnpackHigh(a, b).AsDouble(); // a0 b0 a1 b1 | a2 b2 a3 b3
        Vector512<double> lowCD = Avx512F.UnpackLow(c, d).AsDouble(),
            highCD = Avx512F.UnpackHigh(c, d).AsDouble();
        return (
            Avx512F.UnpackLow(lowAB, lowCD).AsSingle(),
            Avx512F.UnpackHigh(lowAB, lowCD).AsSingle(), // a0 b0 c0 d0 | a1 b1 c1 d1
            Avx512F.UnpackLow(highAB, highCD).AsSingle(),
            Avx512F.UnpackHigh(highAB, highCD).AsSingle()
        );
    }
}
