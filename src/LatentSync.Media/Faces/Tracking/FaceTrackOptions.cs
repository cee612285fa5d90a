using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Faces.Tracking;

/// <summary>How one face is chosen and followed through a video.</summary>
public sealed record FaceTrackOptions
{
    /// <summary>Which of several faces to start with, counted from the left from 0; null: the largest. Later the same face is followed.
    /// Default null.</summary>
    public int? FaceIndex { get; init; }

    /// <summary>What to say when no frame has as many faces as <see cref="FaceIndex"/> asks for.</summary>
    /// <param name="faceIndex">Counted from 0.</param>
    /// <param name="mostFaces">Most faces that one frame has, at least 1.</param>
    /// <param name="path">The video.</param>
    public static Sentence TooFewFaces(int faceIndex, int mostFaces, string path) =>
        mostFaces == 1
            ? (Sentence)$"⟦FaceIndex⟧ {faceIndex}: {path} shows only one face: give ⟦FaceIndex⟧ 0, or leave it out."
            : $"⟦FaceIndex⟧ {faceIndex}: {path} shows at most {mostFaces} faces at once: give ⟦FaceIndex⟧ 0 to {mostFaces - 1} (counted from the left), or leave it out.";

    /// <summary>Drop faces by the original's rules: narrower than 50 or lower than 80 pixels, width/height outside 0.2..1.5, score below
    /// 0.5. Default false.</summary>
    public bool OriginalSizeRules { get; init; }

    /// <summary>Longest run of frames without a face that is filled by interpolation, 0..250 frames. Default 12 (half a second at 25
    /// fps).</summary>
    public int MaxGap { get; init; } = 12;

    /// <summary>Frames before and after that the filter of a still head sees, 0..25; 0 switches it off. Default 6.</summary>
    public int SmoothingReach { get; init; } = 6;
}
