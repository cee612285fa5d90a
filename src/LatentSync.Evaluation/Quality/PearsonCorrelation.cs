namespace LatentSync.Evaluation.Quality;

/// <summary>Pearson's correlation of two series.</summary>
public static class PearsonCorrelation
{
    // Squares below this are rounding, not movement: openings are numbers around 1.
    private const double SmallestVariation = 1e-12;

    /// <summary>Σ (aᵢ - ā)(bᵢ - b̄) / √(Σ (aᵢ - ā)² Σ (bᵢ - b̄)²) over the entries that both have.</summary>
    /// <param name="a">First series.</param>
    /// <param name="b">Second series.</param>
    /// <returns>-1..1; 0 where one of them is constant or shorter than two entries.</returns>
    public static double Of(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return Of(a, 0, b, 0, Math.Min(a.Count, b.Count));
    }

    /// <summary>The correlation of two stretches of the same length.</summary>
    internal static double Of(IReadOnlyList<double> a, int startA, IReadOnlyList<double> b, int startB, int count)
    {
        if (count < 2)
        {
            return 0;
        }
        double meanA = 0,
            meanB = 0;
        for (int i = 0; i < count; i++)
        {
            (meanA, meanB) = (meanA + a[startA + i] / count, meanB + b[startB + i] / count);
        }
        double ab = 0,
            aa = 0,
            bb = 0;
        for (int i = 0; i < count; i++)
        {
            double x = a[startA + i] - meanA,
                y = b[startB + i] - meanB;
            ab += x * y;
            aa += x * x;
            bb += y * y;
        }
        return aa < SmallestVariation || bb < SmallestVariation ? 0 : Math.Clamp(ab / Math.Sqrt(aa * bb), -1, 1);
    }
}
