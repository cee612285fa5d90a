namespace LatentSync.Media.Faces.Alignment;

/// <summary>Least-squares similarity transform between matched points, with mismatches left out.</summary>
internal static class RobustSimilarity
{
    private const int Rounds = 5;

    /// <summary>Fits q ≈ k R p + t: closed form with all points, then repeatedly with those whose residual is small.</summary>
    /// <param name="from">Points p.</param>
    /// <param name="to">Points q, same count.</param>
    /// <param name="maxResidual">Largest residual of a point that counts, in the unit of q.</param>
    /// <param name="minCount">Fewest points that must count in the end.</param>
    /// <returns>Null when fewer do.</returns>
    public static AffineMatrix? Fit(ReadOnlySpan<FacePoint> from, ReadOnlySpan<FacePoint> to, double maxResidual, int minCount)
    {
        bool[] counts = new bool[from.Length];
        counts.AsSpan().Fill(true);
        AffineMatrix? fit = null;
        double[] residuals = new double[from.Length];
        for (int round = 0; round < Rounds; round++)
        {
            fit = FitCounted(from, to, counts);
            if (fit is not { } map)
            {
                return null;
            }
            for (int i = 0; i < residuals.Length; i++)
            {
                residuals[i] = (map.Apply(from[i]) - to[i]).Length;
            }
            // shrinking limit: the median keeps half the points in the first rounds, when outliers still bend the fit
            double median = Median(residuals);
            double limit = round == Rounds - 1 ? maxResidual : Math.Max(maxResidual, 1.5 * median);
            for (int i = 0; i < residuals.Length; i++)
            {
                counts[i] = residuals[i] <= limit;
            }
        }
        return counts.Count(c => c) >= minCount ? fit : null;
    }

    private static AffineMatrix? FitCounted(ReadOnlySpan<FacePoint> from, ReadOnlySpan<FacePoint> to, bool[] counts)
    {
        int n = 0;
        FacePoint p = default,
            q = default;
        for (int i = 0; i < from.Length; i++)
        {
            if (counts[i])
            {
                (p, q, n) = (p + from[i], q + to[i], n + 1);
            }
        }
        if (n < 2)
        {
            return null;
        }
        p *= 1.0 / n;
        q *= 1.0 / n;
        // [a -b; b a]: a = Σ p·q / Σ p·p, b = Σ p×q / Σ p·p over centred points
        double dot = 0,
            cross = 0,
            norm = 0;
        for (int i = 0; i < from.Length; i++)
        {
            if (counts[i])
            {
                FacePoint u = from[i] - p,
                    v = to[i] - q;
                dot += (u.X * v.X) + (u.Y * v.Y);
                cross += (u.X * v.Y) - (u.Y * v.X);
                norm += (u.X * u.X) + (u.Y * u.Y);
            }
        }
        if (norm < 1e-9)
        {
            return null;
        }
        double a = dot / norm,
            b = cross / norm;
        return new AffineMatrix(a, -b, q.X - (a * p.X) + (b * p.Y), b, a, q.Y - (b * p.X) - (a * p.Y));
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values];
        Array.Sort(sorted);
        return sorted[sorted.Length / 2];
    }
}
