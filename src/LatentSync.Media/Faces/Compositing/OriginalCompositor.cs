using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Video.Reading;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Compositing;

/// <summary>Pastes a face back exactly as the original does: the whole aligned rectangle, resampled twice, with a blurred edge.</summary>
/// <remarks>For comparison with the original; <see cref="FaceCompositor"/> is better and faster. float32 instead of the original's
/// float16.</remarks>
public static class OriginalCompositor
{
    /// <summary>Pastes a face.</summary>
    /// <param name="frame">The frame. Not modified.</param>
    /// <param name="face">(3, R, R), red, green, blue in [-1, 1]: kept and generated pixels together.</param>
    /// <param name="matrix">Map from frame pixels to crop pixels.</param>
    /// <param name="template">Gives R and the crop's size.</param>
    public static VideoFrame Restore(VideoFrame frame, ReadOnlySpan<float> face, AffineMatrix matrix, FaceTemplate template) =>
        RestoreInSteps(frame, face, matrix, template).Output;

    /// <summary>The same, with the steps on the way.</summary>
    /// <inheritdoc cref="Restore"/>
    public static OriginalRestoration RestoreInSteps(VideoFrame frame, ReadOnlySpan<float> face, AffineMatrix matrix, FaceTemplate template)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(template);
        int side = template.Resolution;
        if (face.Length != 3 * side * side)
        {
            throw new ArgumentException($"A face of 3x{side}x{side} values is required, but {face.Length} were given.", nameof(face));
        }
        int width = template.CropWidth,
            height = template.CropHeight;
        float[] resized = AntialiasedBicubic.Resize(face, 3, side, side, height, width); // (3, height, width)
        (float[] pixels, float[] coverage) = WarpBack(resized, width, height, matrix, frame.Width, frame.Height);
        float[] eroded = Erode(coverage, frame.Width, frame.Height, 2);
        float area = 0;
        foreach (float value in eroded)
        {
            area += value;
        }
        int edge = (int)Math.Sqrt(area) / 20;
        float[] soft = Erode(eroded, frame.Width, frame.Height, 2 * edge);
        if (edge > 0)
        {
            Blur(soft, frame.Width, frame.Height, (2 * edge) + 1, (0.3 * (edge - 1)) + 0.8);
        }
        byte[] rgb = new byte[frame.Rgb.Length];
        for (int i = 0; i < soft.Length; i++)
        {
            for (int c = 0; c < 3; c++)
            {
                float pasted = eroded[i] * pixels[(3 * i) + c];
                float value = (soft[i] * pasted) + ((1 - soft[i]) * frame.Rgb[(3 * i) + c]);
                rgb[(3 * i) + c] = (byte)value;
            }
        }
        return new OriginalRestoration(new VideoFrame(frame.Width, frame.Height, rgb, frame.Index), resized, eroded, soft, area, edge);
    }

    /// <summary>The face in the frame, 0..255 interleaved, and how much of each pixel the crop covers.</summary>
    private static (float[] Pixels, float[] Coverage) WarpBack(
        float[] face,
        int width,
        int height,
        AffineMatrix matrix,
        int frameWidth,
        int frameHeight
    )
    {
        float[] pixels = new float[3 * frameWidth * frameHeight];
        float[] coverage = new float[frameWidth * frameHeight];
        int plane = width * height;
        for (int y = 0; y < frameHeight; y++)
        {
            for (int x = 0; x < frameWidth; x++)
            {
                int i = (y * frameWidth) + x;
                FacePoint at = matrix.Apply(new FacePoint(x, y));
                if (!(at.X > -1 && at.X < width && at.Y > -1 && at.Y < height))
                {
                    continue; // coverage 0: the fill value saturates to white, and the mask removes it
                }
                int x0 = (int)Math.Floor(at.X),
                    y0 = (int)Math.Floor(at.Y);
                float fx = (float)(at.X - x0),
                    fy = (float)(at.Y - y0);
                float covered = 0,
                    red = 0,
                    green = 0,
                    blue = 0;
                for (int tap = 0; tap < 4; tap++)
                {
                    int tx = x0 + (tap & 1),
                        ty = y0 + (tap >> 1);
                    if (tx < 0 || ty < 0 || tx >= width || ty >= height)
                    {
                        continue;
                    }
                    float weight = ((tap & 1) == 0 ? 1 - fx : fx) * ((tap >> 1) == 0 ? 1 - fy : fy);
                    int j = (ty * width) + tx;
                    covered += weight;
                    red += weight * face[j];
                    green += weight * face[plane + j];
                    blue += weight * face[(2 * plane) + j];
                }
                float outside = (1 - covered) * FaceWarper.Outside;
                pixels[3 * i] = ToGrey(red + outside);
                pixels[(3 * i) + 1] = ToGrey(green + outside);
                pixels[(3 * i) + 2] = ToGrey(blue + outside);
                coverage[i] = covered;
            }
        }
        return (pixels, coverage);

        static float ToGrey(float value) => Math.Clamp((value / 2) + 0.5f, 0, 1) * 255;
    }

    /// <summary>Minimum over a square window x - n/2 .. x + (n-1)/2; n = 0 means OpenCV's default of 3.</summary>
    private static unsafe float[] Erode(float[] mask, int width, int height, int size)
    {
        float[] eroded = new float[mask.Length];
        fixed (
            float* from = mask,
                to = eroded
        )
        {
            using Mat source = Mat.FromPixelData(height, width, MatType.CV_32FC1, (nint)from);
            using Mat target = Mat.FromPixelData(height, width, MatType.CV_32FC1, (nint)to);
            int side = size == 0 ? 3 : size;
            using Mat window = Cv2.GetStructuringElement(MorphShapes.Rect, new Size(side, side));
            Cv2.Erode(source, target, window);
        }
        return eroded;
    }

    private static unsafe void Blur(float[] mask, int width, int height, int size, double sigma)
    {
        fixed (float* values = mask)
        {
            using Mat picture = Mat.FromPixelData(height, width, MatType.CV_32FC1, (nint)values);
            Cv2.GaussianBlur(picture, picture, new Size(size, size), sigma, sigma, BorderTypes.Reflect101);
        }
    }
}
