using LatentSync.Media.Faces.Detection;

namespace LatentSync.Evaluation.Confidence;

/// <summary>What <see cref="SyncConfidence"/> measures.</summary>
public sealed record SyncConfidenceOptions
{
    /// <summary>The video.</summary>
    public required string VideoPath { get; init; }

    /// <summary>The sound; null: the video's own.</summary>
    public string? AudioPath { get; init; }

    /// <summary>Face detector, one of <see cref="FaceDetectorFactory.Names"/>. Default "auto".</summary>
    public string Detector { get; init; } = FaceDetectorFactory.Auto;

    /// <summary>What the detectors need.</summary>
    public FaceDetectorOptions Faces { get; init; } = new();

    /// <summary>Which of several faces to follow, counted from the left from 0; null: the largest.</summary>
    public int? FaceIndex { get; init; }

    /// <summary>A track must have more frames (of 1/25 s) with a detected face than this. Default 50, as the original's.</summary>
    public int MinimumTrackFrames { get; init; } = 50;

    /// <summary>The mean of the larger side of the face's boxes must be more pixels than this. Default 100, as the original's.</summary>
    public double MinimumFaceSide { get; init; } = 100;
}
