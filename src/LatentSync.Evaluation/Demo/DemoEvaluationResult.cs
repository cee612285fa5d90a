using LatentSync.Evaluation.Quality;

namespace LatentSync.Evaluation.Demo;

/// <summary>What an evaluation on drawn clips found.</summary>
public sealed record DemoEvaluationResult
{
    /// <summary>The figures over all clips.</summary>
    public required QualitySummary Summary { get; init; }

    /// <summary>The clips in order.</summary>
    public required IReadOnlyList<EvaluatedClip> Clips { get; init; }

    /// <summary>The checkpoint's folder.</summary>
    public required string CheckpointFolder { get; init; }

    /// <summary>False for seeded random weights.</summary>
    public required bool Trained { get; init; }

    /// <summary>Seconds in all.</summary>
    public required double TotalSeconds { get; init; }
}

/// <summary>One clip of an evaluation.</summary>
/// <param name="Seed">The demo's seed that makes this clip; nobody trained on it.</param>
/// <param name="Quality">Its figures.</param>
/// <param name="SyncSeconds">Seconds of the lip-sync alone.</param>
/// <param name="Folder">Where its videos lie; null when they were not kept.</param>
public sealed record EvaluatedClip(long Seed, ClipQuality Quality, double SyncSeconds, string? Folder);
