using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Video.Shots;

/// <summary>How much each frame differs from the one before: the mean absolute difference of hue, saturation and value, 0..255.</summary>
/// <remarks>PySceneDetect 0.6's content score: OpenCV's 8-bit HSV (hue 0..179, not circular), frames at least 512 pixels wide scaled down
/// by
/// floor(width / 256).</remarks>
public sealed class ShotScore
{
    private const int ScaledWidth = 256;
    private byte[]? _last;

    /// <summary>The score of the next frame; 0 for the first.</summary>
    /// <param name="frame">The frame. Not modified. All frames have the same size.</param>
    /// <exception cref="ArgumentException">Its size differs from that of the frames before.</exception>
    public double Next(VideoFrame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        byte[] hsv = Hsv(Scaled(frame, out _, out _));
        byte[]? last = _last;
        _last = hsv;
        if (last is null)
        {
            return 0;
        }
        if (last.Length != hsv.Length)
        {
            throw new ArgumentException("Frames of two sizes have no score.", nameof(frame));
        }
        Span<long> sums = stackalloc long[3];
        sums.Clear();
        for (int i = 0; i < hsv.Length; i += 3)
        {
            sums[0] += Math.Abs(hsv[i] - last[i]);
            sums[1] += Math.Abs(hsv[i + 1] - last[i + 1]);
            sums[2] += Math.Abs(hsv[i + 2] - last[i + 2]);
        }
        double pixels = hsv.Length / 3;
        return ((sums[0] / pixels) + (sums[1] / pixels) + (sums[2] / pixels)) / 3;
    }

    /// <summary>Packed RGB scaled down as OpenCV's bilinear resize does it.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="width">Of the result.</param>
    /// <param name="height">Of the result.</param>
    public static byte[] Scaled(VideoFrame frame, out int width, out int height)
    {
        int factor = frame.Width < ScaledWidth ? 1 : frame.Width / ScaledWidth;
        (width, height) = (frame.Width, frame.Height);
        if (factor == 1)
        {
            return frame.Rgb;
        }
        width = (int)Math.Round(frame.Width / (double)factor, MidpointRounding.ToEven);
        height = Math.Max(1, (int)Math.Round(frame.Height / (double)factor, MidpointRounding.ToEven));
        return BilinearShrink.Of(frame.Rgb, frame.Width, frame.Height, width, height);
    }

    /// <summary>OpenCV's 8-bit conversion of packed RGB: hue 0..179, saturation, value.</summary>
    /// <param name="rgb">Packed RGB.</param>
    public static byte[] Hsv(ReadOnlySpan<byte> rgb)
    {
        byte[] hsv = new byte[rgb.Length];
        for (int i = 0; i < rgb.Length; i += 3)
        {
            int r = rgb[i],
                g = rgb[i + 1],
                b = rgb[i + 2];
            int value = Math.Max(r, Math.Max(g, b)),
                difference = value - Math.Min(r, Math.Min(g, b));
            int saturation = ((difference * SaturationTable[value]) + 2048) >> 12;
            int sector =
                value == r ? g - b
                : value == g ? b - r + (2 * difference)
                : r - g + (4 * difference);
            int hue = ((sector * HueTable[difference]) + 2048) >> 12;
            hsv[i] = (byte)(hue < 0 ? hue + 180 : hue);
            hsv[i + 1] = (byte)saturation;
            hsv[i + 2] = (byte)value;
        }
        return hsv;
    }

    private static readonly int[] SaturationTable = Table(255 * 4096),
        HueTable = Table(180 * 4096 / 6);

    private static int[] Table(int numerator) =>
        [0, .. Enumerable.Range(1, 255).Select(i => (int)Math.Round(numerator / (double)i, MidpointRounding.ToEven))];
}
