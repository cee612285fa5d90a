using LatentSync.Media.Video.Reading;
using LatentSync.Models.SyncNets;

namespace LatentSync.Evaluation.Confidence;

/// <summary>The picture of a face that the SyncNet of Chung and Zisserman was trained on: chin and mouth in the middle, 224 x
/// 224.</summary>
/// <remarks>With s half the larger side of the box and (x, y) its centre, all median-filtered over 13 frames: columns x - 1.4 s .. x + 1.4
/// s, rows y - s .. y + 1.8 s, grey 110 beyond the picture, resized bilinearly as OpenCV does. The original encodes the crops as video and
/// JPEG in between; here they stay exact.</remarks>
internal sealed class SyncFaceCrop
{
    private const int FilterLength = 13;
    private const double Margin = 0.4;
    private const byte Outside = 110;

    private readonly double[] _halfSides;
    private readonly double[] _x;
    private readonly double[] _y;

    public SyncFaceCrop(SpeakerTrack track)
    {
        _halfSides = Median([.. track.Faces.Select(f => Math.Max(f.Box.Width, f.Box.Height) / 2)]);
        _x = Median([.. track.Faces.Select(f => f.Box.Centre.X)]);
        _y = Median([.. track.Faces.Select(f => f.Box.Centre.Y)]);
    }

    /// <summary>Cuts out frame number <paramref name="position"/> of the track.</summary>
    /// <param name="position">Counted from the track's first frame.</param>
    /// <param name="frame">The whole picture. Not modified.</param>
    /// <param name="planes">(3, 224, 224): blue, green, red, 0..255, whole numbers.</param>
    public void Cut(int position, VideoFrame frame, Span<float> planes)
    {
        (int left, int top, int width, int height) = Region(position);
        const int side = SyncNetV2.Side;
        ReadOnlySpan<byte> rgb = frame.Rgb;
        Tap[] columns = Taps(width),
            rows = Taps(height);
        for (int v = 0; v < side; v++)
        {
            Tap row = rows[v];
            for (int u = 0; u < side; u++)
            {
                Tap column = columns[u];
                for (int c = 0; c < 3; c++)
                {
                    double upper = Lerp(
                        Pixel(rgb, frame, left + column.First, top + row.First, c),
                        Pixel(rgb, frame, left + column.Second, top + row.First, c),
                        column.Weight
                    );
                    double lower = Lerp(
                        Pixel(rgb, frame, left + column.First, top + row.Second, c),
                        Pixel(rgb, frame, left + column.Second, top + row.Second, c),
                        column.Weight
                    );
                    planes[((2 - c) * side * side) + (v * side) + u] = (float)Math.Floor(Lerp(upper, lower, row.Weight) + 0.5);
                }
            }
        }
    }

    /// <summary>The part of the picture that is cut out; it may reach beyond it.</summary>
    internal (int Left, int Top, int Width, int Height) Region(int position)
    {
        double s = _halfSides[position];
        int pad = (int)(s * (1 + (2 * Margin))); // of the original's enlarged picture, in which it truncates
        double x = _x[position] + pad,
            y = _y[position] + pad;
        int top = (int)(y - s),
            bottom = (int)(y + (s * (1 + (2 * Margin))));
        int left = (int)(x - (s * (1 + Margin))),
            right = (int)(x + (s * (1 + Margin)));
        return (left - pad, top - pad, Math.Max(1, right - left), Math.Max(1, bottom - top));
    }

    /// <summary>The median of 13 values around each, zeros beyond the ends, as scipy.signal.medfilt.</summary>
    internal static double[] Median(double[] values)
    {
        const int half = FilterLength / 2;
        double[] window = new double[FilterLength];
        double[] filtered = new double[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            for (int k = 0; k < FilterLength; k++)
            {
                int at = i + k - half;
                window[k] = at >= 0 && at < values.Length ? values[at] : 0;
            }
            Array.Sort(window);
            filtered[i] = window[half];
        }
        return filtered;
    }

    // Pixel centres of the small picture in the large one; beyond the edge the edge.
    private static Tap[] Taps(int size)
    {
        Tap[] taps = new Tap[SyncNetV2.Side];
        for (int i = 0; i < taps.Length; i++)
        {
            double at = Math.Clamp(((i + 0.5) * size / taps.Length) - 0.5, 0, size - 1);
            int first = (int)at;
            taps[i] = new Tap(first, Math.Min(first + 1, size - 1), at - first);
        }
        return taps;
    }

    private static double Pixel(ReadOnlySpan<byte> rgb, VideoFrame frame, int x, int y, int channel) =>
        x >= 0 && y >= 0 && x < frame.Width && y < frame.Height ? rgb[(3 * ((y * frame.Width) + x)) + channel] : Outside;

    private static double Lerp(double a, double b, double t) => a + ((b - a) * t);

    private readonly record struct Tap(int First, int Second, double Weight);
}
