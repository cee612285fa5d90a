using System.Globalization;

namespace LatentSync.Attention.Problems;

/// <summary>A bfloat16 number: the upper half of a <see cref="float"/>, that is its range with 8 significant bits.</summary>
/// <remarks>Has the layout of the number in memory (2 bytes), so that a span of them can lie over any buffer of bfloat16. It does no
/// arithmetic: convert to <see cref="float"/>, which is exact, and back.</remarks>
public readonly struct BFloat16 : IEquatable<BFloat16>
{
    private const int DroppedBits = 16;
    private const ushort QuietNaN = 0x7FC0;

    private BFloat16(ushort bits) => Bits = bits;

    /// <summary>Sign (1 bit), exponent (8), fraction (7), as in memory.</summary>
    public ushort Bits { get; }

    /// <summary>A number from its bits.</summary>
    /// <param name="bits">Sign, exponent and fraction; any are legal.</param>
    public static BFloat16 FromBits(ushort bits) => new(bits);

    /// <summary>The nearest number, ties to even; beyond the largest one (3.39e38) infinity. NaN stays NaN.</summary>
    /// <param name="value">Any number.</param>
    public static explicit operator BFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return new BFloat16(float.IsNaN(value) ? QuietNaN : (ushort)((bits + 0x7FFF + ((bits >> DroppedBits) & 1)) >> DroppedBits));
    }

    /// <summary>The same number; exact.</summary>
    /// <param name="value">Any number.</param>
    public static implicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value.Bits << DroppedBits);

    /// <summary>Whether the numbers are equal: 0 equals -0, NaN nothing.</summary>
    /// <param name="left">A number.</param>
    /// <param name="right">Another.</param>
    public static bool operator ==(BFloat16 left, BFloat16 right) => (float)left == (float)right;

    /// <summary>Whether the numbers differ.</summary>
    /// <param name="left">A number.</param>
    /// <param name="right">Another.</param>
    public static bool operator !=(BFloat16 left, BFloat16 right) => !(left == right);

    /// <summary>Whether the numbers are equal; NaN equals NaN, as with <see cref="float.Equals(float)"/>.</summary>
    /// <param name="other">A number.</param>
    public bool Equals(BFloat16 other) => ((float)this).Equals(other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BFloat16 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ((float)this).GetHashCode();

    /// <summary>The number as <see cref="float"/> writes it, in the invariant culture.</summary>
    public override string ToString() => ((float)this).ToString(CultureInfo.InvariantCulture);
}
