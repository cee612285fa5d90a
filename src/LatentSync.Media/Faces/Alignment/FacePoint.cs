namespace LatentSync.Media.Faces.Alignment;

/// <summary>A point in pixels: x to the right, y down, the centre of the top-left pixel is (0, 0).</summary>
/// <param name="X">Column.</param>
/// <param name="Y">Row.</param>
public readonly record struct FacePoint(double X, double Y)
{
    /// <summary>Sum of two vectors.</summary>
    public static FacePoint operator +(FacePoint a, FacePoint b) => new(a.X + b.X, a.Y + b.Y);

    /// <summary>Difference of two vectors.</summary>
    public static FacePoint operator -(FacePoint a, FacePoint b) => new(a.X - b.X, a.Y - b.Y);

    /// <summary>The vector times a number.</summary>
    public static FacePoint operator *(FacePoint a, double factor) => new(a.X * factor, a.Y * factor);

    /// <summary>Length of the vector.</summary>
    public double Length => Math.Sqrt((X * X) + (Y * Y));

    /// <summary>True when both coordinates are finite numbers.</summary>
    public bool IsFinite => double.IsFinite(X) && double.IsFinite(Y);

    /// <summary>Both coordinates rounded to integers, halves to even, as numpy does.</summary>
    public FacePoint Rounded() => new(Math.Round(X, MidpointRounding.ToEven), Math.Round(Y, MidpointRounding.ToEven));

    /// <summary>The mean of several points.</summary>
    /// <param name="points">At least one.</param>
    public static FacePoint Mean(params ReadOnlySpan<FacePoint> points)
    {
        var sum = new FacePoint(0, 0);
        foreach (FacePoint point in points)
        {
            sum += point;
        }
        return sum * (1.0 / points.Length);
    }

    /// <summary>The point a fraction <paramref name="t"/> of the way from <paramref name="a"/> (0) to <paramref name="b"/> (1).</summary>
    public static FacePoint Lerp(FacePoint a, FacePoint b, double t) => a + ((b - a) * t);
}
