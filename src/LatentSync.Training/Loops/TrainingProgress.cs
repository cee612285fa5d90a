using LatentSync.Training.Datasets;

namespace LatentSync.Training.Loops;

/// <summary>How far a training has come.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="TotalSteps">Steps in all.</param>
/// <param name="Losses">Losses of the last step by name.</param>
/// <param name="SmoothedLoss">Mean of the total loss over the last 50 steps.</param>
/// <param name="LearningRate">Rate of the last step.</param>
/// <param name="SecondsPerStep">Mean over the last 50 steps.</param>
/// <param name="Remaining">Time left at this pace.</param>
public sealed record TrainingProgress(
    long Step,
    long TotalSteps,
    IReadOnlyList<KeyValuePair<string, double>> Losses,
    double SmoothedLoss,
    double LearningRate,
    double SecondsPerStep,
    TimeSpan Remaining
);

/// <summary>What a training left.</summary>
/// <param name="Steps">Steps done in all.</param>
/// <param name="ResumedFrom">Step that this run went on from; 0: from the start.</param>
/// <param name="FinalLoss">Mean of the total loss over the last 50 steps.</param>
/// <param name="Checkpoint">The last checkpoint.</param>
/// <param name="LossPlot">The curve as a picture.</param>
/// <param name="LossCurve">The curve as lines "step,loss,value".</param>
/// <param name="Seconds">Time of this run.</param>
/// <param name="Parameters">Numbers trained.</param>
public sealed record TrainingReport(
    long Steps,
    long ResumedFrom,
    double FinalLoss,
    string Checkpoint,
    string LossPlot,
    string LossCurve,
    double Seconds,
    long Parameters
)
{
    /// <summary>Videos that could not be used, with the reason.</summary>
    public IReadOnlyList<SkippedVideo> SkippedVideos { get; init; } = [];
}
