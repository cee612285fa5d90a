namespace LatentSync.Evaluation.Quality;

/// <summary>By how much a mouth lags behind its speech: the shift that makes the two openings most alike.</summary>
/// <param name="Frames">Positive: the mouth is late, negative: early, 0: in time.</param>
/// <param name="Correlation">Correlation at that shift.</param>
internal readonly record struct AudioVisualOffset(int Frames, double Correlation)
{
    /// <summary>Largest shift that is tried, in frames (as SyncNet's evaluation does).</summary>
    public const int DefaultReach = 15;

    /// <summary>Tries all shifts within the reach that leave at least half of the shorter series in common.</summary>
    /// <param name="measured">Mouth opening per frame.</param>
    /// <param name="implied">Opening that the speech implies per frame.</param>
    /// <param name="reach">Largest shift in frames, at least 0.</param>
    /// <returns>Of several equally good shifts the smallest; shift 0 where nothing moves.</returns>
    public static AudioVisualOffset Estimate(IReadOnlyList<double> measured, IReadOnlyList<double> implied, int reach = DefaultReach)
    {
        ArgumentNullException.ThrowIfNull(measured);
        ArgumentNullException.ThrowIfNull(implied);
        ArgumentOutOfRangeException.ThrowIfNegative(reach);
        int count = Math.Min(measured.Count, implied.Count);
        AudioVisualOffset best = new(0, PearsonCorrelation.Of(measured, implied));
        for (int distance = 1; distance <= Math.Min(reach, count / 2); distance++)
        {
            // measured[i + lag] belongs to implied[i]
            double late = PearsonCorrelation.Of(measured, distance, implied, 0, count - distance);
            double early = PearsonCorrelation.Of(measured, 0, implied, distance, count - distance);
            (int lag, double correlation) = late >= early ? (distance, late) : (-distance, early);
            if (correlation > best.Correlation + 1e-9)
            {
                best = new(lag, correlation);
            }
        }
        return best;
    }
}
