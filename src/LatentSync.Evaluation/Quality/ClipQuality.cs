namespace LatentSync.Evaluation.Quality;

/// <summary>How well a drawn head was lip-synced, measured on the decoded videos.</summary>
public sealed record ClipQuality
{
    /// <summary>Pearson's correlation over the frames (without the rests at both ends) of the mouth opening measured in the output and the
    /// one the new speech implies, -1..1.</summary>
    public required double Correlation { get; init; }

    /// <summary>The same with the opening that another, unrelated sentence implies: what chance gives.</summary>
    public required double CorrelationUnrelated { get; init; }

    /// <summary>Correlation of the opening measured in the untouched input and the one the new speech implies.</summary>
    public required double CorrelationInput { get; init; }

    /// <summary>Shift in frames at which mouth and speech are most alike; see <see cref="AudioVisualOffset"/>.</summary>
    public required int OffsetFrames { get; init; }

    /// <summary>Peak signal-to-noise ratio of output against input in dB, over all pixels that the paste cannot reach; see
    /// <see cref="SquaredErrorMeter"/>.</summary>
    public required double PsnrOutsideMask { get; init; }

    /// <summary>Structural similarity of output and input above the mask, in the aligned face; mean over the frames.</summary>
    public required double SsimUpperFace { get; init; }

    /// <summary>Energy of the changes from frame to frame inside the mask, by that of the same head drawn speaking the new speech. Below 1:
    /// too still; above: it flickers.</summary>
    public required double FlickerRatio { get; init; }
}
