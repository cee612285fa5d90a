using System.Globalization;
using System.Numerics;

namespace LatentSync.Media.Video.Probing;

/// <summary>An exact non-negative fraction in lowest terms: frame rates (30000/1001) and pixel aspect ratios (16/15).</summary>
public readonly record struct Rational : IComparable<Rational>
{
    /// <summary>Makes a fraction and reduces it.</summary>
    /// <param name="numerator">0 or more.</param>
    /// <param name="denominator">1 or more.</param>
    public Rational(long numerator, long denominator)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(numerator);
        ArgumentOutOfRangeException.ThrowIfLessThan(denominator, 1);
        long divisor = (long)BigInteger.GreatestCommonDivisor(numerator, denominator);
        Numerator = numerator / divisor;
        Denominator = denominator / divisor;
    }

    /// <summary>The fraction 1.</summary>
    public static Rational One { get; } = new(1, 1);

    /// <summary>Upper part, in lowest terms.</summary>
    public long Numerator { get; }

    /// <summary>Lower part, in lowest terms.</summary>
    public long Denominator { get; }

    /// <summary>1 / this.</summary>
    public Rational Inverse => new(Denominator, Numerator);

    /// <summary>Nearest double.</summary>
    public double ToDouble() => (double)Numerator / Denominator;

    /// <summary>Reads "30000/1001", "16:15" or "25" with a positive value.</summary>
    /// <param name="text">What ffprobe prints.</param>
    /// <param name="value">The fraction.</param>
    /// <returns>False when the text is no positive fraction: "0/0", "N/A", null.</returns>
    public static bool TryParse(string? text, out Rational value)
    {
        value = One;
        if (text is null)
        {
            return false;
        }

        string[] parts = text.Split('/', ':');
        long denominator = 1;
        bool parsed =
            long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out long numerator)
            && (
                parts.Length == 1
                || (parts.Length == 2 && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out denominator))
            );
        if (!parsed || numerator < 1 || denominator < 1)
        {
            return false;
        }

        value = new Rational(numerator, denominator);
        return true;
    }

    /// <inheritdoc/>
    public int CompareTo(Rational other) => ((Int128)Numerator * other.Denominator).CompareTo((Int128)other.Numerator * Denominator);

    /// <summary>"30000/1001", or "25/1": the form that ffmpeg reads back exactly.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Numerator}/{Denominator}");
}
