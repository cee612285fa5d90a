namespace LatentSync.Evaluation.Quality;

/// <summary>Adds up squared differences of bytes and gives them as peak signal-to-noise ratio.</summary>
public sealed class SquaredErrorMeter
{
    /// <summary>Given for equal pictures, whose ratio is infinite: more than any coded video reaches.</summary>
    public const double EqualDecibels = 100;

    private double _sum;
    private long _count;

    /// <summary>Mean squared difference so far; 0 before the first.</summary>
    public double Mean => _count == 0 ? 0 : _sum / _count;

    /// <summary>10 log₁₀(255² / mean squared difference) in dB, at most <see cref="EqualDecibels"/>.</summary>
    public double Decibels => DecibelsOf(Mean);

    /// <summary>Adds the pixels of two pictures that a weight of 0 selects.</summary>
    /// <param name="first">RGB24.</param>
    /// <param name="second">RGB24 of the same size.</param>
    /// <param name="weights">One number for each pixel; those with 0 count.</param>
    public void AddWhereZero(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<float> weights)
    {
        if (first.Length != second.Length || first.Length != 3L * weights.Length)
        {
            throw new ArgumentException(
                $"Pictures of {first.Length} and {second.Length} bytes and {weights.Length} weights do not belong together.",
                nameof(second)
            );
        }
        long sum = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i] != 0)
            {
                continue;
            }
            for (int c = 3 * i; c < 3 * i + 3; c++)
            {
                int difference = first[c] - second[c];
                sum += difference * difference;
            }
            _count += 3;
        }
        _sum += sum;
    }

    /// <summary>The ratio that belongs to a mean squared difference of bytes.</summary>
    /// <param name="meanSquare">At least 0.</param>
    public static double DecibelsOf(double meanSquare) =>
        meanSquare <= 0 ? EqualDecibels : Math.Min(10 * Math.Log10(255.0 * 255.0 / meanSquare), EqualDecibels);

    /// <summary>The mean squared difference that belongs to a ratio.</summary>
    /// <param name="decibels">The ratio in dB.</param>
    public static double MeanSquareOf(double decibels) => 255.0 * 255.0 * Math.Pow(10, -decibels / 10);
}
