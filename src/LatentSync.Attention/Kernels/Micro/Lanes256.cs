using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>AVX2 with FMA: 8 floats or 4 doubles, 16 registers.</summary>
/// <typeparam name="T">float or double.</typeparam>
internal readonly unsafe struct Lanes256<T> : ILanes<Vector256<T>, T>
    where T : unmanaged
{
    public static int Count => Vector256<T>.Count;

    public static int TileVectors => 2;

    public static Vector256<T> Load(T* source) => Vector256.Load(source);

    public static void Store(Vector256<T> vector, T* destination) => vector.Store(destination);

    public static Vector256<T> Broadcast(T value) => Vector256.Create(value);

    public static Vector256<T> Sequence(T start, T step) => Vector256.CreateSequence(start, step);

    public static Vector256<T> MultiplyAdd(Vector256<T> a, Vector256<T> b, Vector256<T> c) =>
        typeof(T) == typeof(float)
            ? Vector256.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
            : Vector256.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    public static Vector256<T> Add(Vector256<T> a, Vector256<T> b) => a + b;

    public static Vector256<T> Subtract(Vector256<T> a, Vector256<T> b) => a - b;

    public static Vector256<T> Multiply(Vector256<T> a, Vector256<T> b) => a * b;

    public static Vector256<T> Divide(Vector256<T> a, Vector256<T> b) => a / b;

    public static Vector256<T> Max(Vector256<T> a, Vector256<T> b) => Vector256.MaxNative(a, b);

    public static Vector256<T> Min(Vector256<T> a, Vector256<T> b) => Vector256.MinNative(a, b);

    public static Vector256<T> Abs(Vector256<T> a) => Vector256.Abs(a);

    public static Vector256<T> LessThan(Vector256<T> a, Vector256<T> b) => Vector256.LessThan(a, b);

    public static Vector256<T> EqualTo(Vector256<T> a, Vector256<T> b) => Vector256.Equals(a, b);

    public static Vector256<T> Select(Vector256<T> condition, Vector256<T> yes, Vector256<T> no) =>
        Vector256.ConditionalSelect(condition, yes, no);

    public static Vector256<T> WithSignOf(Vector256<T> a, Vector256<T> b) => Vector256.CopySign(a, b);

    public static Vector256<T> MantissaToExponent(Vector256<T> a) =>
        typeof(T) == typeof(float)
            ? (a.AsUInt32() << Exponential.FloatMantissaBits).As<uint, T>()
            : (a.AsUInt64() << Exponential.DoubleMantissaBits).As<ulong, T>();

    public static bool AnyBit(Vector256<T> a) => a.AsUInt32() != Vector256<uint>.Zero;

    public static T Sum(Vector256<T> a) => Vector256.Sum(a);

    public static T Largest(Vector256<T> a) => Lanes128<T>.Largest(Vector128.MaxNative(a.GetLower(), a.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void GatherColumns4(T** rows, nint column, T* destination, nint stride)
    {
        if (typeof(T) != typeof(float) || !Avx.IsSupported)
        {
            Transposition.Gather(rows, Count, column, 4, destination, stride);
            return;
        }
        // Part p of row vector k holds row 4p + k: after a 4 x 4 transposition within each part, the rows lie in order.
        Vector256<float> a = Rows(rows, 0, column),
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
    public static void ScatterColumns4(T* source, nint stride, Vector256<T> factor, T** rows, nint column)
    {
        if (typeof(T) != typeof(float) || !Avx.IsSupported)
        {
            Transposition.Scatter<Lanes256<T>, Vector256<T>, T>(source, stride, factor, rows, column, 4);
            return;
        }
        Vector256<float> scale = factor.AsSingle();
        Vector256<float> a = Vector256.Load((float*)source) * scale,
            b = Vector256.Load((float*)(source + stride)) * scale;
        Vector256<float> c = Vector256.Load((float*)(source + 2 * stride)) * scale,
            d = Vector256.Load((float*)(source + 3 * stride)) * scale;
        (a, b, c, d) = Transpose(a, b, c, d);
        StoreRows(a, rows, 0, column);
        StoreRows(b, rows, 1, column);
        StoreRows(c, rows, 2, column);
        StoreRows(d, rows, 3, column);
    }

    private static Vector256<float> Rows(T** rows, int k, nint column) =>
        Vector256.Create(Vector128.Load((float*)rows[k] + column), Vector128.Load((float*)rows[k + 4] + column));

    private static void StoreRows(Vector256<float> vector, T** rows, int k, nint column)
    {
        vector.GetLower().Store((float*)rows[k] + column);
        vector.GetUpper().Store((float*)rows[k + 4] + column);
    }

    /// <summary>A 4 x 4 transposition in each 128-bit part; its own inverse.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> A, Vector256<float> B, Vector256<float> C, Vector256<float> D) Transpose(
        Vector256<float> a,
        Vector256<float> b,
        Vector256<float> c,
        Vector256<float> d
    )
    {
        Vector256<double> lowAB = Avx.UnpackLow(a, b).AsDouble(),
            highAB = Avx.UnpackHigh(a, b).AsDouble(); // a0 b0 a1 b1 | a2 b2 a3 b3
        Vector256<double> lowCD = Avx.UnpackLow(c, d).AsDouble(),
            highCD = Avx.UnpackHigh(c, d).AsDouble();
        return (
            Avx.UnpackLow(lowAB, lowCD).AsSingle(),
            Avx.UnpackHigh(lowAB, lowCD).AsSingle(), // a0 b0 c0 d0 | a1 b1 c1 d1
            Avx.UnpackLow(highAB, highCD).AsSingle(),
            Avx.UnpackHigh(highAB, highCD).AsSingle()
        );
    }
}
