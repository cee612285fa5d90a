namespace LatentSync.Evaluation.Quality;

/// <summary>The figures of one clip or of many.</summary>
public sealed record QualitySummary
{
    /// <summary>Mean of the clips' correlations of measured and implied mouth opening.</summary>
    public required double Correlation { get; init; }

    /// <summary>Mean of the clips' correlations with an unrelated sentence.</summary>
    public required double CorrelationUnrelated { get; init; }

    /// <summary>Mean of the untouched inputs' correlations with the new speech.</summary>
    public required double CorrelationInput { get; init; }

    /// <summary>Share of the clips in which mouth and speech are most alike without any shift.</summary>
    public required double OffsetZeroFraction { get; init; }

    /// <summary>Ratio in dB of the mean of the clips' mean squared errors: each clip counts the same, a bad one more than its
    /// decibels.</summary>
    public required double PsnrOutsideMask { get; init; }

    /// <summary>Mean of the clips' similarities above the mask.</summary>
    public required double SsimUpperFace { get; init; }

    /// <summary>Mean of the clips' ratios.</summary>
    public required double FlickerRatio { get; init; }

    /// <summary>Averages clips.</summary>
    /// <param name="clips">At least one.</param>
    public static QualitySummary Of(IReadOnlyList<ClipQuality> clips)
    {
        ArgumentNullException.ThrowIfNull(clips);
        ArgumentOutOfRangeException.ThrowIfZero(clips.Count, nameof(clips));
        return new QualitySummary
        {
            Correlation = clips.Average(c => c.Correlation),
            CorrelationUnrelated = clips.Average(c => c.CorrelationUnrelated),
            CorrelationInput = clips.Average(c => c.CorrelationInput),
            OffsetZeroFraction = clips.Average(c => c.OffsetFrames == 0 ? 1.0 : 0.0),
            PsnrOutsideMask = SquaredErrorMeter.DecibelsOf(clips.Average(c => SquaredErrorMeter.MeanSquareOf(c.PsnrOutsideMask))),
            SsimUpperFace = clips.Average(c => c.SsimUpperFace),
            FlickerRatio = clips.Average(c => c.FlickerRatio),
        };
    }
}
