namespace LatentSync.Media.Faces.Tracking;

/// <summary>Distances of <see cref="FaceSignature"/> that decide who is who.</summary>
/// <remarks>Measured: see docs/benchmarks/faces.</remarks>
internal static class FaceIdentity
{
    /// <summary>Closer than this: the same bystander.</summary>
    public const double Same = 0.14;

    private const double LeastLimit = 0.12,
        LimitAtFirst = 0.25,
        MostLimit = 0.36,
        SpreadsOfALimit = 1.4;
    private const int FramesOfASpread = 50;

    /// <summary>Distance beyond which a look is somebody else's. How much a face changes its look depends on the film, so it is measured on
    /// the
    /// followed person; a few frames say little about that.</summary>
    /// <param name="spread">Largest distance between looks of the followed person so far.</param>
    /// <param name="frames">Frames in which the person was seen.</param>
    public static double Limit(double spread, long frames)
    {
        double limit = Math.Clamp(SpreadsOfALimit * spread, LeastLimit, MostLimit);
        return frames < FramesOfASpread ? Math.Max(limit, LimitAtFirst) : limit;
    }

    /// <summary>A picture that agrees less with both sides of a gap does not show the face.</summary>
    public const double LeastCorrelation = 0.5;

    /// <summary>How much a look counts against a step, where two faces could be the next sighting.</summary>
    public const double LookAgainstStep = 6;
}
