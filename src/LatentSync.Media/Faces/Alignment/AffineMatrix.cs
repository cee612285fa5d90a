namespace LatentSync.Media.Faces.Alignment;

/// <summary>A 2x3 affine map in double precision: x' = A x + B y + C, y' = D x + E y + F.</summary>
/// <param name="A">Row 0, column 0.</param>
/// <param name="B">Row 0, column 1.</param>
/// <param name="C">Row 0, column 2: translation in x.</param>
/// <param name="D">Row 1, column 0.</param>
/// <param name="E">Row 1, column 1.</param>
/// <param name="F">Row 1, column 2: translation in y.</param>
public readonly record struct AffineMatrix(double A, double B, double C, double D, double E, double F)
{
    /// <summary>The map that changes nothing.</summary>
    public static AffineMatrix Identity => new(1, 0, 0, 0, 1, 0);

    /// <summary>Determinant of the linear part: the factor on areas.</summary>
    public double Determinant => (A * E) - (B * D);

    /// <summary>Step in x' per step of one pixel in the steepest direction: the length of row 0.</summary>
    public double ScaleX => Math.Sqrt((A * A) + (B * B));

    /// <summary>Step in y' per step of one pixel in the steepest direction: the length of row 1.</summary>
    public double ScaleY => Math.Sqrt((D * D) + (E * E));

    /// <summary>The image of a point.</summary>
    /// <param name="point">Any point.</param>
    public FacePoint Apply(FacePoint point) => new((A * point.X) + (B * point.Y) + C, (D * point.X) + (E * point.Y) + F);

    /// <summary>The inverse map.</summary>
    /// <exception cref="InvalidOperationException">The linear part is singular.</exception>
    public AffineMatrix Invert()
    {
        double determinant = Determinant;
        if (determinant == 0 || !double.IsFinite(determinant))
        {
            throw new InvalidOperationException(
                "An alignment matrix with a singular linear part has no inverse: the alignment points coincide."
            );
        }
        double a = E / determinant,
            b = -B / determinant,
            d = -D / determinant,
            e = A / determinant;
        return new AffineMatrix(a, b, -((a * C) + (b * F)), d, e, -((d * C) + (e * F)));
    }

    /// <summary>This map first, then <paramref name="next"/>.</summary>
    /// <param name="next">Applied to the result of this one.</param>
    public AffineMatrix Then(AffineMatrix next) =>
        new(
            (next.A * A) + (next.B * D),
            (next.A * B) + (next.B * E),
            (next.A * C) + (next.B * F) + next.C,
            (next.D * A) + (next.E * D),
            (next.D * B) + (next.E * E),
            (next.D * C) + (next.E * F) + next.F
        );

    /// <summary>The map of pixel centres when a picture is resized: p' = (p + 1/2) · factor - 1/2 in each direction.</summary>
    /// <param name="factorX">New width / old width.</param>
    /// <param name="factorY">New height / old height.</param>
    public static AffineMatrix Resize(double factorX, double factorY) =>
        new(factorX, 0, (0.5 * factorX) - 0.5, 0, factorY, (0.5 * factorY) - 0.5);
}
