using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;

namespace LatentSync.Media.Faces.Tracking;

/// <summary>The face of one frame after tracking.</summary>
/// <param name="FrameIndex">The frame.</param>
/// <param name="Points">Filtered points, in pixels of the frame.</param>
/// <param name="Box">Where the face is.</param>
/// <param name="Score">The detector's; 0 for an interpolated face.</param>
/// <param name="Interpolated">True when no face was detected in this frame.</param>
/// <param name="Segment">Counts the stretches without a cut or a long gap, from 0: state that runs from frame to frame ends with a
/// segment.</param>
public sealed record TrackedFace(long FrameIndex, AlignmentPoints Points, FaceBox Box, double Score, bool Interpolated, int Segment)
{
    /// <summary>How the face looks; null: interpolated, or not looked at.</summary>
    public FaceSignature? Look { get; init; }

    /// <summary>Of an interpolated face, the looks before and after the gap.</summary>
    public (FaceSignature? Before, FaceSignature? After) Sides { get; init; }

    /// <summary>A picture at an interpolated place shows the face that stands on both sides of the gap, not something else.</summary>
    /// <param name="look">The picture at <see cref="Points"/>.</param>
    public bool IsShownBy(FaceSignature look)
    {
        ArgumentNullException.ThrowIfNull(look);
        return Shows(Sides.Before) || Shows(Sides.After);

        bool Shows(FaceSignature? side) => side is null || side.CorrelationWith(look) >= FaceIdentity.LeastCorrelation;
    }
}
