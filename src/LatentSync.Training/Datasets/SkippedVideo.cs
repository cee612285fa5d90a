namespace LatentSync.Training.Datasets;

/// <summary>A video that training leaves out.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Reason">What is wrong with it: one sentence.</param>
public sealed record SkippedVideo(string Path, string Reason);
