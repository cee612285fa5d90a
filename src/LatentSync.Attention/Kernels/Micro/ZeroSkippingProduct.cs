using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>The product of <see cref="ProductTile{TLanes, TVector, T}"/> without the terms in which B is zero, whatever A holds there: 0 ·
/// NaN and 0 · ∞ would be NaN. Only for blocks in which that happened: it takes four times as long.</summary>
/// <typeparam name="TLanes">The instruction set.</typeparam>
/// <typeparam name="TVector">Its vector.</typeparam>
/// <typeparam name="T">float or double.</typeparam>
internal static unsafe class ZeroSkippingProduct<TLanes, TVector, T>
    where TLanes : ILanes<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>C(m, lanes) = C(m, lanes) · factors(lanes) + Σₖ A(m, k) · B(k, lanes).</summary>
    /// <param name="a">A(0, 0).</param>
    /// <param name="aStep">Elements from A(m, k) to A(m, k + 1); the rows lie side by side.</param>
    /// <param name="b">B(0, 0), lanes side by side.</param>
    /// <param name="depth">Number of k.</param>
    /// <param name="c">C(0, 0), lanes side by side.</param>
    /// <param name="rows">Number of m.</param>
    /// <param name="vectors">Width of B and C in vectors.</param>
    /// <param name="factors">One number per lane; where it is 0, the old C is skipped too.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Multiply(T* a, nint aStep, T* b, int depth, T* c, int rows, int vectors, T* factors)
    {
        int lanes = vectors * TLanes.Count;
        TVector zero = default;
        for (int m = 0; m < rows; m++, c += lanes)
        {
            for (int v = 0; v < lanes; v += TLanes.Count)
            {
                TVector factor = TLanes.Load(factors + v);
                TVector sum = TLanes.Select(TLanes.EqualTo(factor, zero), zero, TLanes.Multiply(TLanes.Load(c + v), factor));
                for (int k = 0; k < depth; k++)
                {
                    TVector weight = TLanes.Load(b + (nint)k * lanes + v);
                    sum = TLanes.Select(
                        TLanes.EqualTo(weight, zero),
                        sum,
                        TLanes.MultiplyAdd(TLanes.Broadcast(a[m + k * aStep]), weight, sum)
                    );
                }
                TLanes.Store(sum, c + v);
            }
        }
    }
}
