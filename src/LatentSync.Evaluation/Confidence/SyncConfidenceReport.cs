namespace LatentSync.Evaluation.Confidence;

/// <summary>One stretch in which one face is seen without a cut.</summary>
/// <param name="FirstFrame">Its first frame, at 25 frames per second.</param>
/// <param name="FrameCount">Its frames.</param>
/// <param name="FaceSide">Mean of the larger side of the face's boxes, in pixels.</param>
/// <param name="Windows">Pairs of pictures and sound that were compared.</param>
/// <param name="OffsetFrames">Frames by which the sound must be delayed to fit; negative: it comes too late.</param>
/// <param name="Confidence">How much the best shift stands out from the median one.</param>
public sealed record SyncTrackScore(long FirstFrame, int FrameCount, double FaceSide, int Windows, int OffsetFrames, double Confidence);

/// <summary>How well the lips of a video follow its sound.</summary>
/// <param name="Video">The video.</param>
/// <param name="Audio">The sound.</param>
/// <param name="Network">The network that judged.</param>
/// <param name="Detector">The face detector.</param>
/// <param name="OffsetFrames">Mean of the tracks' offsets, truncated.</param>
/// <param name="Confidence">Mean of the tracks' confidences. Only figures of the same network can be compared.</param>
/// <param name="Tracks">Every track that was long and large enough.</param>
/// <param name="Warnings">What should be known about the figures.</param>
public sealed record SyncConfidenceReport(
    string Video,
    string Audio,
    string Network,
    string Detector,
    int OffsetFrames,
    double Confidence,
    IReadOnlyList<SyncTrackScore> Tracks,
    IReadOnlyList<string> Warnings
);
