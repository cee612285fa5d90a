namespace LatentSync.Media.Faces.Alignment;

/// <summary>A picture of a face: packed RGB24, row-major, rows without padding.</summary>
public sealed class FaceImage
{
    /// <summary>Wraps an array.</summary>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="rgb">Exactly width x height x 3 bytes. Not copied.</param>
    /// <exception cref="ArgumentException">The array's length does not fit the size.</exception>
    public FaceImage(int width, int height, byte[] rgb)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentNullException.ThrowIfNull(rgb);
        if (rgb.LongLength != 3L * width * height)
        {
            throw new ArgumentException(
                $"A {width}x{height} RGB24 picture needs {3L * width * height} bytes, but the array has {rgb.Length}.",
                nameof(rgb)
            );
        }
        Width = width;
        Height = height;
        Rgb = rgb;
    }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>Width x Height x 3 bytes.</summary>
    public byte[] Rgb { get; }

    /// <summary>The picture as planes of red, green, blue in [-1, 1]: value / 127.5 - 1.</summary>
    /// <param name="destination">(3, Height, Width), written completely.</param>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    public void CopyToPlanes(Span<float> destination)
    {
        int pixels = Width * Height;
        if (destination.Length != 3 * pixels)
        {
            throw new ArgumentException(
                $"{Width}x{Height} pixels need {3 * pixels} values, but the destination has {destination.Length}.",
                nameof(destination)
            );
        }
        for (int channel = 0; channel < 3; channel++)
        {
            Span<float> plane = destination.Slice(channel * pixels, pixels);
            for (int i = 0; i < plane.Length; i++)
            {
                // (u/255 - 1/2) / (1/2), in the original's order of operations
                plane[i] = ((Rgb[(3 * i) + channel] / 255f) - 0.5f) / 0.5f;
            }
        }
    }
}
