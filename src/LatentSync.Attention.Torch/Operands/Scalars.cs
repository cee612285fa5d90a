using System.Collections.Concurrent;
using TorchSharp;

namespace LatentSync.Attention.Torch.Operands;

/// <summary>Numbers for libtorch's operators that stay alive while native code reads them.</summary>
/// <remarks>
/// A number given as it is, <c>tensor.mul(0.5)</c>, becomes a <see cref="Scalar"/> that nothing refers to once its handle is passed on:
/// its finalizer may free it during the call. Measured with TorchSharp 0.107 under constant collection: 47 of 473,000 calls of
/// masked_fill read freed memory and threw; with a scalar that is kept, none of 751,000. So each is kept here.
/// </remarks>
internal static class Scalars
{
    private const int MostKept = 1024, RecentCount = 4096;

    private static readonly ConcurrentDictionary<double, Scalar> Kept = new();
    private static readonly Scalar?[] Recent = new Scalar?[RecentCount];
    private static int _kept, _recent;

    /// <summary>0.</summary>
    internal static Scalar Zero { get; } = 0.0;

    /// <summary>1.</summary>
    internal static Scalar One { get; } = 1.0;

    /// <summary>-∞.</summary>
    internal static Scalar NegativeInfinity { get; } = double.NegativeInfinity;

    /// <summary>Any number. A program has few (scales, softcaps); of more than a thousand, the latest thousands stay.</summary>
    /// <param name="value">The number.</param>
    internal static Scalar Of(double value)
    {
        if (Kept.TryGetValue(value, out Scalar? known))
        {
            return known;
        }
        if (Volatile.Read(ref _kept) < MostKept)
        {
            Interlocked.Increment(ref _kept);
            return Kept.GetOrAdd(value, static number => number);
        }
        Scalar scalar = value;
        Recent[Interlocked.Increment(ref _recent) & (RecentCount - 1)] = scalar;
        return scalar;
    }
}
