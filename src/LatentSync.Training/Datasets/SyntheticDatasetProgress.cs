namespace LatentSync.Training.Datasets;

/// <summary>How far the drawing of clips has come.</summary>
/// <param name="Clips">Clips complete, those kept from an earlier run included.</param>
/// <param name="TotalClips">Clips wanted.</param>
/// <param name="Frames">Frames complete.</param>
/// <param name="TotalFrames">Frames of all clips.</param>
public readonly record struct SyntheticDatasetProgress(int Clips, int TotalClips, long Frames, long TotalFrames);
