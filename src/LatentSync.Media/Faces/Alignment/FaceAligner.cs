namespace LatentSync.Media.Faces.Alignment;

/// <summary>Finds the similarity transform that takes the points of a face to the template. Keeps a small state from frame to
/// frame.</summary>
/// <remarks>The original's AlignRestore, in double precision. With P the points, Q the template, centred and divided by their
/// "standard deviation" s (over six numbers, divisor 5): Pₙᵀ Qₙ = U S Vᵀ, R = V Uᵀ (a rotation, never a reflection), k = s_Q / s_P,
/// M = [k R | c_Q - k R c_P]. The original then adds a "smoothing" term, the difference of the normalised noses, low-passed
/// over the frames, to the translation: below about a pixel, but the networks were trained on crops that have it.</remarks>
public sealed class FaceAligner
{
    private const double BiasMemory = 0.2;
    private readonly bool _smoothing;

    /// <summary>Makes an aligner without history.</summary>
    /// <param name="template">Where the points go.</param>
    /// <param name="smoothing">Add the original's low-passed nose offset. Default true, as the original.</param>
    public FaceAligner(FaceTemplate template, bool smoothing = true)
    {
        ArgumentNullException.ThrowIfNull(template);
        Template = template;
        _smoothing = smoothing;
    }

    /// <summary>Where the points go.</summary>
    public FaceTemplate Template { get; }

    /// <summary>State of the smoothing term after the last frame, in normalised units; null before the first.</summary>
    public FacePoint? Bias { get; private set; }

    /// <summary>Forgets the history: call it after a cut or a gap.</summary>
    public void Reset() => Bias = null;

    /// <summary>The matrix of the next frame.</summary>
    /// <param name="points">The face's points in pixels of the frame.</param>
    /// <returns>Map from frame pixels to crop pixels.</returns>
    /// <exception cref="ArgumentException">The points coincide or are not finite.</exception>
    public AffineMatrix Align(AlignmentPoints points)
    {
        if (!points.IsUsable)
        {
            throw new ArgumentException($"A face cannot be aligned by points that coincide or are not finite: {points}.", nameof(points));
        }
        Normalised p = Normalise(points);
        Normalised q = Normalise(Template.Points);
        (double cos, double sin) = Rotation(p.Points, q.Points);
        double k = q.Deviation / p.Deviation;
        var linear = new AffineMatrix(k * cos, -k * sin, 0, k * sin, k * cos, 0);
        FacePoint translation = q.Centre - linear.Apply(p.Centre);
        if (_smoothing)
        {
            FacePoint bias = q.Points.Nose - p.Points.Nose;
            Bias = Bias is { } previous ? (previous * BiasMemory) + (bias * (1 - BiasMemory)) : bias;
            translation += Bias.Value;
        }
        return linear with { C = translation.X, F = translation.Y };
    }

    /// <summary>The rotation that best takes p to q, by the singular value decomposition of a 2x2 matrix in closed form.</summary>
    private static (double Cos, double Sin) Rotation(AlignmentPoints p, AlignmentPoints q)
    {
        // H = Pᵀ Q. V Uᵀ with the sign of V's last column flipped where needed is the rotation R that maximises
        // trace(R H), and that maximum over angles is at atan2(H01 - H10, H00 + H11): no factorisation is needed.
        double h00 = (p.LeftBrow.X * q.LeftBrow.X) + (p.RightBrow.X * q.RightBrow.X) + (p.Nose.X * q.Nose.X);
        double h01 = (p.LeftBrow.X * q.LeftBrow.Y) + (p.RightBrow.X * q.RightBrow.Y) + (p.Nose.X * q.Nose.Y);
        double h10 = (p.LeftBrow.Y * q.LeftBrow.X) + (p.RightBrow.Y * q.RightBrow.X) + (p.Nose.Y * q.Nose.X);
        double h11 = (p.LeftBrow.Y * q.LeftBrow.Y) + (p.RightBrow.Y * q.RightBrow.Y) + (p.Nose.Y * q.Nose.Y);
        double length = Math.Sqrt(((h00 + h11) * (h00 + h11)) + ((h01 - h10) * (h01 - h10)));
        return length > 0 ? ((h00 + h11) / length, (h01 - h10) / length) : (1, 0);
    }

    private static Normalised Normalise(AlignmentPoints points)
    {
        FacePoint centre = points.Centre;
        FacePoint left = points.LeftBrow - centre,
            right = points.RightBrow - centre,
            nose = points.Nose - centre;
        // The six centred coordinates have mean 0, so the unbiased standard deviation is the root of their square sum over 5.
        double deviation = Math.Sqrt(
            ((left.X * left.X) + (left.Y * left.Y) + (right.X * right.X) + (right.Y * right.Y) + (nose.X * nose.X) + (nose.Y * nose.Y)) / 5
        );
        double scale = 1 / deviation;
        return new Normalised(new AlignmentPoints(left * scale, right * scale, nose * scale), centre, deviation);
    }

    private readonly record struct Normalised(AlignmentPoints Points, FacePoint Centre, double Deviation);
}
