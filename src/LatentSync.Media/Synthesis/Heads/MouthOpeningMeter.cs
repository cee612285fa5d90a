using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>Where the mouth of a face is, whatever it says.</summary>
/// <param name="Centre">Where the lips meet when closed, in pixels of the frame.</param>
/// <param name="UnitPixels">Length of one face unit in pixels of the frame; a widely open mouth is 46 units high.</param>
/// <param name="RollRadians">Tilt of the head, clockwise.</param>
public readonly record struct MouthRegion(FacePoint Centre, double UnitPixels, double RollRadians);

/// <summary>Measures in the pixels how far the mouth of a drawn (or generated) face is open.</summary>
/// <remarks>Along the mouth's vertical axis, from where the lips would meet, the gap is followed up and down as long as the pixels are as
/// dark as the inside of a mouth (or tongue) or as pale as teeth; lips are neither. Averages over a few columns, counts the edges by their
/// share, and so resolves fractions of a pixel. What a blurred face shows as a soft dark stripe counts by its darkness.</remarks>
public static class MouthOpeningMeter
{
    /// <summary>Gap of a widely open mouth in face units: the measure's 1.</summary>
    public const double WidestUnits = FaceGeometry.WidestOpening;

    private const double StepUnits = 0.4; // distance of the samples along the axis
    private const double SearchUp = 24; // from where the closed lips meet, in units
    private const double SearchDown = 48;

    // Luminance 0..1: inside and tongue lie below 0.26, the darkest lips above 0.36. Saturation of teeth is below 0.1, of lips above 0.25.
    private const double DarkFull = 0.27;
    private const double DarkNone = 0.36;
    private const double PaleFull = 0.13;
    private const double PaleNone = 0.22;

    /// <summary>Measures one frame.</summary>
    /// <param name="frame">The picture.</param>
    /// <param name="mouth">Where the mouth is.</param>
    /// <returns>Gap between the lips as a fraction of a widely open mouth's, 0..1.5; 0 when closed.</returns>
    public static double Measure(VideoFrame frame, in MouthRegion mouth)
    {
        ArgumentNullException.ThrowIfNull(frame);
        return Measure(frame.Rgb, frame.Width, frame.Height, mouth);
    }

    /// <summary>Measures one picture.</summary>
    /// <param name="rgb">Width x height x 3 bytes, packed RGB24.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="mouth">Where the mouth is.</param>
    /// <returns>Gap between the lips as a fraction of a widely open mouth's, 0..1.5; 0 when closed.</returns>
    /// <exception cref="ArgumentException">The span does not fit the size, or the region is not finite.</exception>
    public static double Measure(ReadOnlySpan<byte> rgb, int width, int height, in MouthRegion mouth)
    {
        if (rgb.Length != 3L * width * height)
        {
            throw new ArgumentException(
                $"A {width}x{height} RGB24 picture needs {3L * width * height} bytes, but the span has {rgb.Length}.",
                nameof(rgb)
            );
        }
        if (!mouth.Centre.IsFinite || !(mouth.UnitPixels > 0) || !double.IsFinite(mouth.UnitPixels) || !double.IsFinite(mouth.RollRadians))
        {
            throw new ArgumentException("A mouth region needs a finite place, size and tilt.", nameof(mouth));
        }
        int up = (int)(SearchUp / StepUnits),
            down = (int)(SearchDown / StepUnits);
        Span<double> inside = stackalloc double[up + down + 1];
        for (int i = 0; i < inside.Length; i++)
        {
            inside[i] = InsideAt(rgb, width, height, mouth, (i - up) * StepUnits);
        }

        // The gap contains the place just below the meeting line if it is open at all; start at its clearest point near there.
        int start = up;
        for (int i = up - 2; i <= up + (int)(5 / StepUnits); i++)
        {
            if (inside[i] > inside[start])
            {
                start = i;
            }
        }
        if (inside[start] < 0.25)
        {
            return 0;
        }
        double sum = inside[start] + Follow(inside, start, 1) + Follow(inside, start, -1);
        return sum * StepUnits / WidestUnits;
    }

    /// <summary>Length of the gap from a sample on, in samples. A stripe too thin for a lip, where teeth and tongue blend, does not end
    /// it.</summary>
    private static double Follow(ReadOnlySpan<double> inside, int start, int direction)
    {
        const int thin = (int)(1.6 / StepUnits);
        double sum = 0,
            doubtful = 0;
        int length = 0;
        for (int i = start + direction; i >= 0 && i < inside.Length; i += direction)
        {
            if (inside[i] > 0.5)
            {
                sum += inside[i] + length;
                (doubtful, length) = (0, 0);
                continue;
            }
            doubtful += inside[i];
            if (++length > thin)
            {
                break;
            }
        }
        return sum + doubtful;
    }

    /// <summary>How much the pixels at a height look like the inside of a mouth, 0..1: mean over five columns.</summary>
    private static double InsideAt(ReadOnlySpan<byte> rgb, int width, int height, in MouthRegion mouth, double down)
    {
        double cos = Math.Cos(mouth.RollRadians),
            sin = Math.Sin(mouth.RollRadians),
            sum = 0;
        for (int column = -2; column <= 2; column++)
        {
            double u = column * 1.5 * mouth.UnitPixels,
                v = down * mouth.UnitPixels;
            sum += Inside(rgb, width, height, mouth.Centre.X + u * cos - v * sin, mouth.Centre.Y + u * sin + v * cos);
        }
        return sum / 5;
    }

    private static double Inside(ReadOnlySpan<byte> rgb, int width, int height, double x, double y)
    {
        int x0 = (int)Math.Floor(x),
            y0 = (int)Math.Floor(y);
        double fx = x - x0,
            fy = y - y0;
        Span<double> colour = stackalloc double[3];
        for (int corner = 0; corner < 4; corner++)
        {
            int cx = Math.Clamp(x0 + (corner & 1), 0, width - 1),
                cy = Math.Clamp(y0 + (corner >> 1), 0, height - 1);
            double weight = ((corner & 1) == 0 ? 1 - fx : fx) * ((corner >> 1) == 0 ? 1 - fy : fy);
            ReadOnlySpan<byte> pixel = rgb.Slice((cy * width + cx) * 3, 3);
            for (int c = 0; c < 3; c++)
            {
                colour[c] += weight * pixel[c] / 255.0;
            }
        }
        double light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
        double dark = (DarkNone - light) / (DarkNone - DarkFull);
        double most = Math.Max(colour[0], Math.Max(colour[1], colour[2])),
            least = Math.Min(colour[0], Math.Min(colour[1], colour[2]));
        double saturation = (most - least) / Math.Max(most, 0.05);
        double pale = (PaleNone - saturation) / (PaleNone - PaleFull);
        return Math.Clamp(Math.Max(dark, pale), 0, 1);
    }
}
