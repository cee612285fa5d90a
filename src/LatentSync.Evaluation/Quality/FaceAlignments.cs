using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Tracking;

namespace LatentSync.Evaluation.Quality;

/// <summary>Where the pipeline puts the faces of a video of which the points are known.</summary>
internal static class FaceAlignments
{
    /// <summary>Runs the points through the pipeline's own track and aligner.</summary>
    /// <param name="points">The points of each frame that the pipeline has read, one usable face each.</param>
    /// <param name="template">Where the points go.</param>
    /// <returns>Maps from frame pixels to crop pixels; null where the track has no face.</returns>
    public static IReadOnlyList<AffineMatrix?> Of(IReadOnlyList<AlignmentPoints> points, FaceTemplate template)
    {
        FaceTrack track = new();
        FaceAligner aligner = new(template);
        List<TrackedFrame> decided = [];
        for (int i = 0; i < points.Count; i++)
        {
            decided.AddRange(track.Push(i, [new DetectedFace(FaceProportions.BoxAround(points[i]), 1, points[i], true)]));
        }
        decided.AddRange(track.Complete());
        List<AffineMatrix?> matrices = [];
        int? segment = null;
        foreach (TrackedFrame frame in decided)
        {
            if (frame.Face is not { } face)
            {
                matrices.Add(null);
                continue;
            }
            if (face.Segment != segment)
            {
                aligner.Reset();
                segment = face.Segment;
            }
            matrices.Add(aligner.Align(face.Points));
        }
        return matrices;
    }
}
