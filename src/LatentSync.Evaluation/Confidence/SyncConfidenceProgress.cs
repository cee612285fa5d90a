namespace LatentSync.Evaluation.Confidence;

/// <summary>How far a measurement has come.</summary>
/// <param name="Title">What happens; identifies the stage.</param>
/// <param name="Done">Frames done.</param>
/// <param name="Total">Frames in all; null while unknown.</param>
public readonly record struct SyncConfidenceProgress(string Title, long Done, long? Total);
