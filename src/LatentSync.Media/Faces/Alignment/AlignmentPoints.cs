namespace LatentSync.Media.Faces.Alignment;

/// <summary>The three points a face is aligned by, in pixels of the frame. "Left" is the left of the picture.</summary>
/// <param name="LeftBrow">Centre of the upper edge of the brow on the picture's left.</param>
/// <param name="RightBrow">Centre of the upper edge of the brow on the picture's right.</param>
/// <param name="Nose">Centre of the nose: mean of lower bridge, tip and both wings, close to the tip.</param>
/// <remarks>The original rounds these points to integers, which makes a still head tremble; here they are sub-pixel, and
/// <see cref="Rounded"/> gives the original's habit.</remarks>
public readonly record struct AlignmentPoints(FacePoint LeftBrow, FacePoint RightBrow, FacePoint Nose)
{
    /// <summary>Mean of the three points.</summary>
    public FacePoint Centre => FacePoint.Mean(LeftBrow, RightBrow, Nose);

    /// <summary>Root mean square distance of the points from their centre, in pixels: the size that alignment normalises.</summary>
    public double Radius
    {
        get
        {
            FacePoint centre = Centre;
            double sum = Square(LeftBrow - centre) + Square(RightBrow - centre) + Square(Nose - centre);
            return Math.Sqrt(sum / 3);

            static double Square(FacePoint v) => (v.X * v.X) + (v.Y * v.Y);
        }
    }

    /// <summary>True when all coordinates are finite and the points do not coincide.</summary>
    public bool IsUsable => LeftBrow.IsFinite && RightBrow.IsFinite && Nose.IsFinite && Radius > 1e-6;

    /// <summary>Each coordinate rounded to an integer, halves to even: what the original aligns by.</summary>
    public AlignmentPoints Rounded() => new(LeftBrow.Rounded(), RightBrow.Rounded(), Nose.Rounded());

    /// <summary>Applies a map to each point.</summary>
    /// <param name="map">From frame pixels to whatever is wanted.</param>
    public AlignmentPoints Transform(AffineMatrix map) => new(map.Apply(LeftBrow), map.Apply(RightBrow), map.Apply(Nose));

    /// <summary>The points a fraction <paramref name="t"/> of the way from <paramref name="a"/> (0) to <paramref name="b"/> (1).</summary>
    public static AlignmentPoints Lerp(AlignmentPoints a, AlignmentPoints b, double t) =>
        new(FacePoint.Lerp(a.LeftBrow, b.LeftBrow, t), FacePoint.Lerp(a.RightBrow, b.RightBrow, t), FacePoint.Lerp(a.Nose, b.Nose, t));
}
