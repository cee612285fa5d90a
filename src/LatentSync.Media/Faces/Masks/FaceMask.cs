using LatentSync.Foundation.Files;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using OpenCvSharp;
using SkiaSharp;

namespace LatentSync.Media.Faces.Masks;

/// <summary>Which pixels of the square face picture are kept (255) and which are generated (0).</summary>
public sealed class FaceMask
{
    private const int MaxFileBytes = 64 << 20;
    private const int MaxSide = 8192;
    private const int LatentFactor = 8;

    private FaceMask(int resolution, byte[] values, string source)
    {
        Resolution = resolution;
        Values = values;
        Source = source;
    }

    /// <summary>Side of the square in pixels.</summary>
    public int Resolution { get; }

    /// <summary>Resolution x Resolution values, row-major: 255 keep, 0 generate, between: both. Not to be modified.</summary>
    public byte[] Values { get; }

    /// <summary>Where it came from: a shape's name or a path.</summary>
    public string Source { get; }

    /// <summary>One of the original's masks, drawn.</summary>
    /// <param name="resolution">Side in pixels: 64..2048, a multiple of 8.</param>
    /// <param name="shape">Default: the one all configurations of the original use.</param>
    /// <remarks>Exact at 256; other sizes are enlarged from it with OpenCV's Lanczos-4, as the original does (at 512 the edges are
    /// therefore grey).</remarks>
    public static FaceMask Create(int resolution, FaceMaskShape shape = FaceMaskShape.CheeksAndJaw)
    {
        CheckResolution(resolution);
        return new FaceMask(
            resolution,
            Resize(FaceMaskRows.Draw(shape), FaceMaskRows.Side, FaceMaskRows.Side, resolution),
            shape.ToString()
        );
    }

    /// <summary>Reads a mask picture: white keeps, black is generated; colours count by their brightness; any size, stretched to the
    /// square.</summary>
    /// <param name="path">PNG, JPEG, WebP, BMP or GIF of at most 8192 x 8192 pixels and 64 MiB.</param>
    /// <param name="resolution">Side in pixels: 64..2048, a multiple of 8.</param>
    /// <exception cref="FaceException">The file is missing, no picture, too large, or white everywhere.</exception>
    public static FaceMask Load(string path, int resolution)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        CheckResolution(resolution);
        (byte[] grey, int width, int height) = ReadGrey(path);
        byte[] values = Resize(grey, width, height, resolution);
        if (!values.AsSpan().ContainsAnyInRange((byte)0, (byte)127))
        {
            throw new FaceException(
                FaceFault.Mask,
                $"The mask {path} is white everywhere, so nothing would be generated; paint the region to generate black.",
                path
            );
        }
        return new FaceMask(resolution, values, path);
    }

    /// <summary>The mask at full resolution as the network's factors: 1 keep, 0 generate.</summary>
    /// <param name="destination">(Resolution, Resolution).</param>
    public void CopyTo(Span<float> destination)
    {
        CheckLength(destination, Values.Length);
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = Values[i] / 255f;
        }
    }

    /// <summary>The mask channel of the network: every eighth pixel of every eighth row (nearest neighbour), 1 keep, 0 generate.</summary>
    /// <param name="destination">(Resolution / 8, Resolution / 8).</param>
    public void CopyLatentTo(Span<float> destination)
    {
        int side = Resolution / LatentFactor;
        CheckLength(destination, side * side);
        for (int row = 0; row < side; row++)
        {
            for (int column = 0; column < side; column++)
            {
                destination[(row * side) + column] = Values[(row * LatentFactor * Resolution) + (column * LatentFactor)] / 255f;
            }
        }
    }

    private static (byte[] Grey, int Width, int Height) ReadGrey(string path)
    {
        byte[] file = ReadFile(path);
        using SKData data = SKData.CreateCopy(file);
        using SKCodec? codec = SKCodec.Create(data);
        if (codec is null)
        {
            throw new FaceException(
                FaceFault.Mask,
                $"The mask {path} is not a picture that can be read; a PNG, JPEG, WebP, BMP or GIF file is required.",
                path
            );
        }
        int width = codec.Info.Width,
            height = codec.Info.Height;
        if (width is < 1 or > MaxSide || height is < 1 or > MaxSide)
        {
            throw new FaceException(
                FaceFault.Mask,
                $"The mask {path} has {width}x{height} pixels; at most {MaxSide}x{MaxSide} are accepted, {FaceMaskRows.Side}x{FaceMaskRows.Side} suffice.",
                path
            );
        }
        byte[] grey = new byte[width * height];
        var layout = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        using var bitmap = new SKBitmap(layout);
        SKCodecResult result = codec.GetPixels(layout, bitmap.GetPixels());
        if (result != SKCodecResult.Success)
        {
            throw new FaceException(
                FaceFault.Mask,
                $"The mask {path} is damaged: decoding it ended with \"{result}\"; save it again as PNG.",
                path
            );
        }
        ReadOnlySpan<byte> pixels = bitmap.GetPixelSpan();
        for (int i = 0; i < grey.Length; i++)
        {
            // ITU-R BT.601 weights in 1/1024, exact for grey
            grey[i] = (byte)(((306 * pixels[4 * i]) + (601 * pixels[(4 * i) + 1]) + (117 * pixels[(4 * i) + 2]) + 512) >> 10);
        }
        return (grey, width, height);
    }

    private static byte[] ReadFile(string path)
    {
        try
        {
            return InputFile.ReadAllBytes(path, MaxFileBytes);
        }
        catch (InputFileException e)
        {
            throw new FaceException(
                e.Fault == InputFileFault.TooLarge ? FaceFault.Mask : FaceFault.Missing,
                $"The mask {path} {e.Problem}.",
                path,
                innerException: e
            );
        }
    }

    private static unsafe byte[] Resize(byte[] values, int width, int height, int resolution)
    {
        byte[] resized = new byte[resolution * resolution];
        fixed (
            byte* from = values,
                to = resized
        )
        {
            using Mat source = Mat.FromPixelData(height, width, MatType.CV_8UC1, (nint)from);
            using Mat target = Mat.FromPixelData(resolution, resolution, MatType.CV_8UC1, (nint)to);
            Cv2.Resize(source, target, new Size(resolution, resolution), 0, 0, InterpolationFlags.Lanczos4);
        }
        return resized;
    }

    private static void CheckResolution(int resolution) => _ = new FaceTemplate(resolution);

    private static void CheckLength(Span<float> destination, int required)
    {
        if (destination.Length != required)
        {
            throw new ArgumentException(
                $"The mask has {required} values here, but the destination has {destination.Length}.",
                nameof(destination)
            );
        }
    }
}
