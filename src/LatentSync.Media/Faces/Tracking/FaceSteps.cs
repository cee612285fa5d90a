using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Faces.Tracking;

/// <summary>How far a face can move and grow from one sighting to the next.</summary>
internal static class FaceSteps
{
    // A head of which the points have radius r is about 4 r wide; in one frame (1/25 s) it moves by less than 1.5 r.
    private const double MaxStep = 1.5;
    private const double MaxStepGrowth = 0.25;
    private const double MaxStepEver = 4;
    private const double MaxZoom = 1.4;
    private const double MaxZoomEver = 1.8;

    /// <summary>One head can have been at both places.</summary>
    /// <param name="from">Where it was.</param>
    /// <param name="to">Where it is.</param>
    /// <param name="frames">Frames in between, at least 1.</param>
    public static bool IsPossible(AlignmentPoints from, AlignmentPoints to, long frames)
    {
        long gap = Math.Max(1, frames);
        double zoom = to.Radius / from.Radius;
        double limit = Math.Min(MaxZoomEver, MaxZoom + (0.02 * (gap - 1)));
        return Distance(from, to) <= Math.Min(MaxStepEver, MaxStep + (MaxStepGrowth * (gap - 1))) && zoom < limit && zoom > 1 / limit;
    }

    /// <summary>How far the face moved, in units of its size.</summary>
    /// <param name="from">Where it was.</param>
    /// <param name="to">Where it is.</param>
    public static double Distance(AlignmentPoints from, AlignmentPoints to) =>
        (to.Centre - from.Centre).Length / Math.Max(from.Radius, to.Radius);
}
