namespace LatentSync.Media.Faces.Alignment;

/// <summary>Where a face is put: the size of the aligned crop and the three points in it, for one resolution of the network.</summary>
/// <remarks>The crop is 3:4 (210x280 at resolution 256) and is then stretched to a square of <see cref="Resolution"/> pixels.
/// Three measured points never fit three template points exactly: a similarity transform matches their centre, size and
/// direction.</remarks>
public sealed record FaceTemplate
{
    /// <summary>Smallest resolution.</summary>
    public const int MinResolution = 64;

    /// <summary>Largest resolution.</summary>
    public const int MaxResolution = 2048;

    /// <summary>Makes the template of a resolution.</summary>
    /// <param name="resolution">Side of the square picture in pixels: 64..2048, a multiple of 8.</param>
    /// <exception cref="ArgumentOutOfRangeException">Another value.</exception>
    public FaceTemplate(int resolution)
    {
        if (resolution is < MinResolution or > MaxResolution || resolution % 8 != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(resolution),
                resolution,
                $"A face resolution must be a multiple of 8 from {MinResolution} to {MaxResolution}."
            );
        }
        Resolution = resolution;
        // The original's own order of operations: at 384 and 768 the product falls just below an integer and is truncated.
        double ratio = resolution / 256.0 * 2.8;
        CropWidth = (int)(75 * ratio);
        CropHeight = (int)(100 * ratio);
        Points = new AlignmentPoints(new(17 * ratio, 20 * ratio), new(58 * ratio, 20 * ratio), new(37.5 * ratio, 40 * ratio));
    }

    /// <summary>Side of the square picture the network sees, in pixels.</summary>
    public int Resolution { get; }

    /// <summary>Width of the aligned crop: 210 at 256, 420 at 512.</summary>
    public int CropWidth { get; }

    /// <summary>Height of the aligned crop: 280 at 256, 560 at 512.</summary>
    public int CropHeight { get; }

    /// <summary>Where the points are put, in pixels of the crop.</summary>
    public AlignmentPoints Points { get; }

    /// <summary>From pixels of the crop to pixels of the square picture.</summary>
    public AffineMatrix CropToSquare => AffineMatrix.Resize((double)Resolution / CropWidth, (double)Resolution / CropHeight);
}
