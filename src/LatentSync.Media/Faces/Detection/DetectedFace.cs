using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Faces.Detection;

/// <summary>One face found in one frame.</summary>
/// <param name="Box">Where, in pixels of the frame.</param>
/// <param name="Score">How sure the detector is, 0..1.</param>
/// <param name="Points">The points to align by.</param>
/// <param name="PointsMeasured">True when the points were seen (landmarks, eyes); false when they follow from the box or from earlier
/// frames.</param>
public sealed record DetectedFace(FaceBox Box, double Score, AlignmentPoints Points, bool PointsMeasured);
