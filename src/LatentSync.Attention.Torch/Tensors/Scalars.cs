using System.Collections.Concurrent;
using TorchSharp;

namespace LatentSync.Attention.Torch.Tensors;

/// <summary>Numbers for libtorch's operators that stay alive while native code reads them.</summary>
/// <remarks>
/// A number given as it is, <c>tensor.mul(0.5)</c>, becomes a <see cref="Scalar"/> that nothing refers to once its handle is passed on:
/// its finalizer may free it during the call. Measured with TorchSharp 0.107 under constant collection: 47 of 473,000 calls of
/// masked_fill read freed memory and threw; with a scalar that is kept, none of 751,000. So each is kept here. BannedSymbols.txt names
/// the conversions and the methods of TorchSharp that convert; the arithmetic without them is in <see cref="TensorArithmetic"/>.
/// </remarks>
public static class Scalars
{
    private const int MostKept = 1024,
        RecentCount = 4096;

    private static readonly ConcurrentDictionary<Number, Scalar> Kept = new();
    private static readonly Scalar?[] Recent = new Scalar?[RecentCount];
    private static int _kept,
        _recent;

    /// <summary>0.</summary>
    public static Scalar Zero { get; } = Of(0.0);

    /// <summary>1; a whole number, so that it is an alpha for tensors of any type.</summary>
    public static Scalar One { get; } = Of(1);

    /// <summary>-∞.</summary>
    public static Scalar NegativeInfinity { get; } = Of(double.NegativeInfinity);

    /// <summary>Any number. A program has few (scales, softcaps); of more than a thousand, the latest thousands stay.</summary>
    /// <param name="value">The number.</param>
    public static Scalar Of(double value) => Of(new Number(BitConverter.DoubleToInt64Bits(value), false));

    /// <summary>Any whole number: it leaves tensors of integers what they are, as <c>tensor + 2</c> does.</summary>
    /// <param name="value">The number.</param>
    public static Scalar Of(long value) => Of(new Number(value, true));

    private static Scalar Of(Number number)
    {
        if (Kept.TryGetValue(number, out Scalar? known))
        {
            return known;
        }
        if (Volatile.Read(ref _kept) < MostKept)
        {
            Interlocked.Increment(ref _kept);
            return Kept.GetOrAdd(number, static added => added.ToScalar());
        }
        Scalar scalar = number.ToScalar();
        Recent[Interlocked.Increment(ref _recent) & (RecentCount - 1)] = scalar;
        return scalar;
    }

    private readonly record struct Number(long Bits, bool IsWhole)
    {
#pragma warning disable RS0030 // the one place where numbers become scalars
        internal Scalar ToScalar() => IsWhole ? Bits : (Scalar)BitConverter.Int64BitsToDouble(Bits);
#pragma warning restore RS0030
    }
}
