namespace LatentSync.Media.Faces.Tracking;

/// <summary>Distances of <see cref="FaceSignature"/> that decide who is who.</summary>
/// <remarks>Measured: see docs/benchmarks/faces.</remarks>
internal static class FaceIdentity
{
    /// <summary>Closer than this: the same person.</summary>
    public const double Same = 0.22;

    /// <summary>Farther than this: somebody else.</summary>
    public const double Different = 0.36;

    /// <summary>A picture that agrees less with both sides of a gap does not show the face.</summary>
    public const double LeastCorrelation = 0.5;

    /// <summary>How much a look counts against a step, where two faces could be the next sighting.</summary>
    public const double LookAgainstStep = 6;
}
