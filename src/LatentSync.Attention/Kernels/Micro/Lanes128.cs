using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>NEON (32 registers), SSE (16 registers), or any other processor: 4 floats or 2 doubles. Where the processor has no fused
/// multiply-add, the product is rounded first: a fused result in software would be a hundred times slower.</summary>
/// <typeparam name="T">float or double.</typeparam>
internal readonly unsafe struct Lanes128<T> : ILanes<Vector128<T>, T>
    where T : unmanaged
{
    public static int Count => Vector128<T>.Count;

    public static int TileVectors => AdvSimd.Arm64.IsSupported ? 4 : 2;

    public static Vector128<T> Load(T* source) => Vector128.Load(source);

    public static void Store(Vector128<T> vector, T* destination) => vector.Store(destination);

    public static Vector128<T> Broadcast(T value) => Vector128.Create(value);

    public static Vector128<T> Sequence(T start, T step) => Vector128.CreateSequence(start, step);

    public static Vector128<T> MultiplyAdd(Vector128<T> a, Vector128<T> b, Vector128<T> c) =>
        !Fma.IsSupported && !AdvSimd.Arm64.IsSupported ? a * b + c
        : typeof(T) == typeof(float) ? Vector128.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector128.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    public static Vector128<T> Add(Vector128<T> a, Vector128<T> b) => a + b;

    public static Vector128<T> Subtract(Vector128<T> a, Vector128<T> b) => a - b;

    public static Vector128<T> Multiply(Vector128<T> a, Vector128<T> b) => a * b;

    public static Vector128<T> Divide(Vector128<T> a, Vector128<T> b) => a / b;

    public static Vector128<T> Max(Vector128<T> a, Vector128<T> b) => Vector128.MaxNative(a, b);

    public static Vector128<T> Min(Vector128<T> a, Vector128<T> b) => Vector128.MinNative(a, b);

    public static Vector128<T> Abs(Vector128<T> a) => Vector128.Abs(a);

    public static Vector128<T> LessThan(Vector128<T> a, Vector128<T> b) => Vector128.LessThan(a, b);

    public static Vector128<T> EqualTo(Vector128<T> a, Vector128<T> b) => Vector128.Equals(a, b);

    public static Vector128<T> Select(Vector128<T> condition, Vector128<T> yes, Vector128<T> no) =>
        Vector128.ConditionalSelect(condition, yes, no);

    public static Vector128<T> WithSignOf(Vector128<T> a, Vector128<T> b) => Vector128.CopySign(a, b);

    public static Vector128<T> MantissaToExponent(Vector128<T> a) =>
        typeof(T) == typeof(float)
            ? (a.AsUInt32() << Exponential.FloatMantissaBits).As<uint, T>()
            : (a.AsUInt64() << Exponential.DoubleMantissaBits).As<ulong, T>();

    public static bool AnyBit(Vector128<T> a) => a.AsUInt32() != Vector128<uint>.Zero;

    public static T Sum(Vector128<T> a) => Vector128.Sum(a);

    public static T Largest(Vector128<T> a)
    {
        T largest = a.GetElement(0);
        for (int i = 1; i < Count; i++)
        {
            T other = a.GetElement(i);
            largest = Comparer<T>.Default.Compare(other, largest) > 0 ? other : largest;
        }
        return largest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void GatherColumns4(T** rows, nint column, T* destination, nint stride)
    {
        if (typeof(T) != typeof(float))
        {
            Transposition.Gather(rows, Count, column, 4, destination, stride);
            return;
        }
        Vector128<float> a = Vector128.Load((float*)rows[0] + column),
            b = Vector128.Load((float*)rows[1] + column);
        Vector128<float> c = Vector128.Load((float*)rows[2] + column),
            d = Vector128.Load((float*)rows[3] + column);
        (a, b, c, d) = Transpose(a, b, c, d);
        a.Store((float*)destination);
        b.Store((float*)(destination + stride));
        c.Store((float*)(destination + 2 * stride));
        d.Store((float*)(destination + 3 * stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterColumns4(T* source, nint stride, Vector128<T> factor, T** rows, nint column)
    {
        if (typeof(T) != typeof(float))
        {
            Transposition.Scatter<Lanes128<T>, Vector128<T>, T>(source, stride, factor, rows, column, 4);
            return;
        }
        Vector128<float> scale = factor.AsSingle();
        Vector128<float> a = Vector128.Load((float*)source) * scale,
            b = Vector128.Load((float*)(source + stride)) * scale;
        Vector128<float> c = Vector128.Load((float*)(source + 2 * stride)) * scale,
            d = Vector128.Load((float*)(source + 3 * stride)) * scale;
        (a, b, c, d) = Transpose(a, b, c, d);
        a.Store((float*)rows[0] + column);
        b.Store((float*)rows[1] + column);
        c.Store((float*)rows[2] + column);
        d.Store((float*)rows[3] + column);
    }

    /// <summary>A 4 x 4 transposition; its own inverse.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<float> A, Vector128<float> B, Vector128<float> C, Vector128<float> D) Transpose(
        Vector128<float> a,
        Vector128<float> b,
        Vector128<float> c,
        Vector128<float> d
    )
    {
        if (AdvSimd.Arm64.IsSupported)
        {
            Vector128<double> evenAB = AdvSimd.Arm64.TransposeEven(a, b).AsDouble(),
                oddAB = AdvSimd.Arm64.TransposeOdd(a, b).AsDouble(); // a0 b0 a2 b2 | a1 b1 a3 b3
            Vector128<double> evenCD = AdvSimd.Arm64.TransposeEven(c, d).AsDouble(),
                oddCD = AdvSimd.Arm64.TransposeOdd(c, d).AsDouble();
            return (
                AdvSimd.Arm64.TransposeEven(evenAB, evenCD).AsSingle(),
                AdvSimd.Arm64.TransposeEven(oddAB, oddCD).AsSingle(),
                AdvSimd.Arm64.TransposeOdd(evenAB, evenCD).AsSingle(),
                AdvSimd.Arm64.TransposeOdd(oddAB, oddCD).AsSingle()
            );
        }
        if (Sse.IsSupported)
        {
            Vector128<float> lowAB = Sse.UnpackLow(a, b),
                highAB = Sse.UnpackHigh(a, b),
                lowCD = Sse.UnpackLow(c, d),
                highCD = Sse.UnpackHigh(c, d);
            return (
                Sse.MoveLowToHigh(lowAB, lowCD),
                Sse.MoveHighToLow(lowCD, lowAB),
                Sse.MoveLowToHigh(highAB, highCD),
                Sse.MoveHighToLow(highCD, highAB)
            );
        }
        return (
            Vector128.Create(a[0], b[0], c[0], d[0]),
            Vector128.Create(a[1], b[1], c[1], d[1]),
            Vector128.Create(a[2], b[2], c[2], d[2]),
            Vector128.Create(a[3], b[3], c[3], d[3])
        );
    }
}
