using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Faces.Detection;

/// <summary>An axis-parallel rectangle in pixels of the frame; it may reach beyond the frame.</summary>
/// <param name="Left">Left edge.</param>
/// <param name="Top">Top edge.</param>
/// <param name="Right">Right edge.</param>
/// <param name="Bottom">Bottom edge.</param>
public readonly record struct FaceBox(double Left, double Top, double Right, double Bottom)
{
    /// <summary>Width in pixels.</summary>
    public double Width => Right - Left;

    /// <summary>Height in pixels.</summary>
    public double Height => Bottom - Top;

    /// <summary>Width x height; 0 for an empty box.</summary>
    public double Area => Math.Max(0, Width) * Math.Max(0, Height);

    /// <summary>Middle of the box.</summary>
    public FacePoint Centre => new((Left + Right) / 2, (Top + Bottom) / 2);

    /// <summary>Area of the overlap divided by the area of the union, 0..1.</summary>
    /// <param name="other">The other box.</param>
    public double Overlap(FaceBox other)
    {
        double common = new FaceBox(
            Math.Max(Left, other.Left),
            Math.Max(Top, other.Top),
            Math.Min(Right, other.Right),
            Math.Min(Bottom, other.Bottom)
        ).Area;
        double union = Area + other.Area - common;
        return union > 0 ? common / union : 0;
    }

    /// <summary>The box a fraction <paramref name="t"/> of the way from <paramref name="a"/> (0) to <paramref name="b"/> (1).</summary>
    public static FaceBox Lerp(FaceBox a, FaceBox b, double t) =>
        new(
            a.Left + ((b.Left - a.Left) * t),
            a.Top + ((b.Top - a.Top) * t),
            a.Right + ((b.Right - a.Right) * t),
            a.Bottom + ((b.Bottom - a.Bottom) * t)
        );
}
