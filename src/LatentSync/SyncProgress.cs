namespace LatentSync;

/// <summary>Progress of one stage.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Done">Units done.</param>
/// <param name="Total">Units in all; null while unknown.</param>
/// <param name="Unit">"MB", "windows", "frames", "steps".</param>
public readonly record struct SyncProgress(SyncStage Stage, long Done, long? Total, string Unit);
