using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>Operations on dense arrays; the counts are multiples of W.</summary>
internal static unsafe class Elementwise<TLanes, TVector, T>
    where TLanes : ILanes<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>a · b, in place of a.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Multiply(T* a, T* b, int count)
    {
        for (int i = 0; i < count; i += TLanes.Count)
        {
            TLanes.Store(TLanes.Multiply(TLanes.Load(a + i), TLanes.Load(b + i)), a + i);
        }
    }

    /// <summary>a · number, in place of a.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Multiply(T* a, double factor, long count)
    {
        TVector all = Exponential.Constant<TLanes, TVector, T>(factor);
        for (long i = 0; i < count; i += TLanes.Count)
        {
            TLanes.Store(TLanes.Multiply(TLanes.Load(a + i), all), a + i);
        }
    }

    /// <summary>a(rows, lanes) · b(lanes), in place of a.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void MultiplyRows(T* a, T* b, int lanes, int rows)
    {
        for (int i = 0; i < rows; i++, a += lanes)
        {
            Multiply(a, b, lanes);
        }
    }

    /// <summary>Σ a · b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static T Dot(T* a, T* b, int count)
    {
        TVector sum = default;
        for (int i = 0; i < count; i += TLanes.Count)
        {
            sum = TLanes.MultiplyAdd(TLanes.Load(a + i), TLanes.Load(b + i), sum);
        }
        return TLanes.Sum(sum);
    }

    /// <summary>Whether all numbers are finite; may be false where only their sum is not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static bool IsFinite(T* a, long count)
    {
        TVector sum = default,
            other = default;
        long i = 0;
        for (; i <= count - 2 * TLanes.Count; i += 2 * TLanes.Count)
        {
            sum = TLanes.Add(sum, TLanes.Load(a + i));
            other = TLanes.Add(other, TLanes.Load(a + i + TLanes.Count));
        }
        for (; i < count; i += TLanes.Count)
        {
            sum = TLanes.Add(sum, TLanes.Load(a + i));
        }
        return double.IsFinite(Exponential.ToDouble(TLanes.Sum(TLanes.Add(sum, other))));
    }
}
