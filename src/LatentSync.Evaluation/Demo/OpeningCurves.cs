using LatentSync.Evaluation.Quality;

namespace LatentSync.Evaluation.Demo;

/// <summary>How far the mouth is open, frame by frame: 0 closed, 1 as wide as it goes.</summary>
/// <param name="FrameRate">Frames per second.</param>
/// <param name="Implied">What the new speech implies.</param>
/// <param name="Output">What is measured in the pixels of the output.</param>
/// <param name="Input">What is measured in the pixels of the input.</param>
public sealed record OpeningCurves(
    double FrameRate,
    IReadOnlyList<double> Implied,
    IReadOnlyList<double> Output,
    IReadOnlyList<double> Input
)
{
    /// <summary>Correlation of output and speech, -1..1; 0 where one of them does not move.</summary>
    public double OutputCorrelation => PearsonCorrelation.Of(Output, Implied);

    /// <summary>Correlation of the untouched input and the new speech.</summary>
    public double InputCorrelation => PearsonCorrelation.Of(Input, Implied);
}
