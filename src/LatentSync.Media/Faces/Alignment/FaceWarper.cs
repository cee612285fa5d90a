using LatentSync.Media.Video.Reading;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Alignment;

/// <summary>Cuts the aligned face out of a frame, as the original does, in float32 instead of its float16.</summary>
public static class FaceWarper
{
    /// <summary>Grey that stands for what lies outside the frame.</summary>
    public const byte Outside = 127;

    /// <summary>The aligned crop of a face and its square version.</summary>
    /// <param name="frame">The frame. Not modified.</param>
    /// <param name="matrix">Map from frame pixels to crop pixels, from <see cref="FaceAligner"/>.</param>
    /// <param name="template">Gives the sizes.</param>
    public static AlignedFace Crop(VideoFrame frame, AffineMatrix matrix, FaceTemplate template)
    {
        ArgumentNullException.ThrowIfNull(template);
        FaceImage crop = Warp(frame, matrix, template.CropWidth, template.CropHeight);
        return new AlignedFace(matrix, crop, ToSquare(crop, template.Resolution));
    }

    /// <summary>Samples the frame bilinearly at M⁻¹ (x, y) for each pixel of the crop; 127 blends in at the frame's border; the result is
    /// truncated to integers.</summary>
    /// <param name="frame">The frame. Not modified.</param>
    /// <param name="matrix">Map from frame pixels to crop pixels.</param>
    /// <param name="width">Width of the crop in pixels.</param>
    /// <param name="height">Height of the crop in pixels.</param>
    public static FaceImage Warp(VideoFrame frame, AffineMatrix matrix, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(frame);
        AffineMatrix inverse = matrix.Invert();
        byte[] crop = new byte[3 * width * height];
        ReadOnlySpan<byte> rgb = frame.Rgb;
        for (int y = 0; y < height; y++)
        {
            Span<byte> row = crop.AsSpan(3 * y * width, 3 * width);
            for (int x = 0; x < width; x++)
            {
                FacePoint source = inverse.Apply(new FacePoint(x, y));
                Sample(rgb, frame.Width, frame.Height, source, row.Slice(3 * x, 3));
            }
        }
        return new FaceImage(width, height, crop);
    }

    /// <summary>Stretches a crop to a square with OpenCV's Lanczos-4, as the original.</summary>
    /// <param name="crop">The aligned crop.</param>
    /// <param name="resolution">Side of the square in pixels.</param>
    public static unsafe FaceImage ToSquare(FaceImage crop, int resolution)
    {
        ArgumentNullException.ThrowIfNull(crop);
        byte[] square = new byte[3 * resolution * resolution];
        fixed (
            byte* from = crop.Rgb,
                to = square
        )
        {
            using Mat source = Mat.FromPixelData(crop.Height, crop.Width, MatType.CV_8UC3, (nint)from);
            using Mat target = Mat.FromPixelData(resolution, resolution, MatType.CV_8UC3, (nint)to);
            Cv2.Resize(source, target, new Size(resolution, resolution), 0, 0, InterpolationFlags.Lanczos4);
        }
        return new FaceImage(resolution, resolution, square);
    }

    private static void Sample(ReadOnlySpan<byte> rgb, int width, int height, FacePoint at, Span<byte> pixel)
    {
        // also catches NaN, and keeps the casts below within range
        if (!(at.X > -1 && at.X < width && at.Y > -1 && at.Y < height))
        {
            pixel.Fill(Outside);
            return;
        }
        int x0 = (int)Math.Floor(at.X),
            y0 = (int)Math.Floor(at.Y);
        float fx = (float)(at.X - x0),
            fy = (float)(at.Y - y0);
        if (x0 >= 0 && y0 >= 0 && x0 + 1 < width && y0 + 1 < height)
        {
            ReadOnlySpan<byte> top = rgb.Slice(3 * ((y0 * width) + x0), 6);
            ReadOnlySpan<byte> bottom = rgb.Slice(3 * (((y0 + 1) * width) + x0), 6);
            for (int c = 0; c < 3; c++)
            {
                float upper = top[c] + (fx * (top[c + 3] - top[c]));
                float lower = bottom[c] + (fx * (bottom[c + 3] - bottom[c]));
                pixel[c] = (byte)(upper + (fy * (lower - upper)));
            }
            return;
        }
        for (int c = 0; c < 3; c++)
        {
            float upper = Tap(rgb, x0, y0, c) + (fx * (Tap(rgb, x0 + 1, y0, c) - Tap(rgb, x0, y0, c)));
            float lower = Tap(rgb, x0, y0 + 1, c) + (fx * (Tap(rgb, x0 + 1, y0 + 1, c) - Tap(rgb, x0, y0 + 1, c)));
            pixel[c] = (byte)(upper + (fy * (lower - upper)));
        }

        // Taking 127 for each tap outside equals the original's sum with zeros plus (1 - coverage) · 127.
        float Tap(ReadOnlySpan<byte> source, int x, int y, int c) =>
            x >= 0 && y >= 0 && x < width && y < height ? source[(3 * ((y * width) + x)) + c] : Outside;
    }
}
