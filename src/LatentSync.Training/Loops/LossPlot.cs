using System.Globalization;
using SkiaSharp;

namespace LatentSync.Training.Loops;

/// <summary>Draws loss curves: every value pale, a running mean strong, one panel per loss, logarithmic where the values allow.</summary>
public static class LossPlot
{
    private const int PanelWidth = 760,
        PanelHeight = 260,
        Left = 78,
        Right = 22,
        Top = 34,
        Bottom = 34;
    private static readonly SKColor Ink = new(0x22, 0x26, 0x2B),
        Faint = new(0xE3, 0xE6, 0xEA),
        Raw = new(0x9B, 0xBE, 0xE0),
        Mean = new(0x1F, 0x5F, 0xA8);

    /// <summary>A PNG with one panel per curve, one below the other.</summary>
    /// <param name="history">The losses; a curve of fewer than two values is left out.</param>
    /// <param name="title">Written above.</param>
    /// <returns>The file's bytes; a single empty panel while nothing can be drawn.</returns>
    public static byte[] ToPng(LossHistory history, string title)
    {
        ArgumentNullException.ThrowIfNull(history);
        List<(string Name, IReadOnlyList<(long Step, double Value)> Points)> curves =
        [
            .. history.Names.Select(n => (n, history.Curve(n))).Where(c => c.Item2.Count > 1),
        ];
        using SKBitmap bitmap = new(
            new SKImageInfo(PanelWidth, PanelHeight * Math.Max(curves.Count, 1), SKColorType.Rgba8888, SKAlphaType.Opaque)
        );
        using SKCanvas canvas = new(bitmap);
        canvas.Clear(SKColors.White);
        for (int i = 0; i < curves.Count; i++)
        {
            canvas.Save();
            canvas.Translate(0, i * PanelHeight);
            DrawPanel(canvas, $"{title}: {curves[i].Name}", curves[i].Points);
            canvas.Restore();
        }
        using SKImage image = SKImage.FromBitmap(bitmap);
        using SKData data = image.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    private static void DrawPanel(SKCanvas canvas, string title, IReadOnlyList<(long Step, double Value)> points)
    {
        double[] values = [.. points.Select(p => p.Value).Where(double.IsFinite)];
        if (values.Length == 0)
        {
            return;
        }
        bool logarithmic = values.Min() > 0 && values.Max() / values.Min() > 4;
        double Scale(double v) => logarithmic ? Math.Log10(v) : v;
        double low = Scale(values.Min()),
            high = Scale(values.Max());
        (low, high) = high - low < 1e-12 ? (low - 1, high + 1) : (low - 0.04 * (high - low), high + 0.04 * (high - low));
        long first = points[0].Step,
            last = Math.Max(points[^1].Step, first + 1);
        float X(long step) => Left + (float)((double)(step - first) / (last - first)) * (PanelWidth - Left - Right);
        float Y(double v) => PanelHeight - Bottom - (float)((Scale(v) - low) / (high - low)) * (PanelHeight - Top - Bottom);

        using SKFont font = new(SKTypeface.Default, 13);
        using SKPaint text = new() { Color = Ink, IsAntialias = true };
        using SKPaint grid = new() { Color = Faint, StrokeWidth = 1 };
        canvas.DrawText(title, Left, 22, SKTextAlign.Left, font, text);
        for (int i = 0; i <= 4; i++)
        {
            double at = low + (high - low) * i / 4;
            double value = logarithmic ? Math.Pow(10, at) : at;
            float y = Y(value);
            canvas.DrawLine(Left, y, PanelWidth - Right, y, grid);
            canvas.DrawText(value.ToString("G3", CultureInfo.InvariantCulture), Left - 8, y + 4, SKTextAlign.Right, font, text);
            long step = first + (last - first) * i / 4;
            canvas.DrawText(step.ToString(CultureInfo.InvariantCulture), X(step), PanelHeight - 12, SKTextAlign.Center, font, text);
        }
        Draw(canvas, [.. points.Where(p => double.IsFinite(p.Value)).Select(p => new SKPoint(X(p.Step), Y(p.Value)))], Raw, 1);
        Draw(canvas, [.. RunningMean(points).Select(p => new SKPoint(X(p.Step), Y(p.Value)))], Mean, 2);
    }

    private static void Draw(SKCanvas canvas, SKPoint[] points, SKColor colour, float width)
    {
        using SKPaint paint = new()
        {
            Color = colour,
            StrokeWidth = width,
            IsStroke = true,
            IsAntialias = true,
        };
        using SKPath path = new();
        if (points.Length > 0)
        {
            path.AddPoly(points, close: false);
            canvas.DrawPath(path, paint);
        }
    }

    // Mean over the last twentieth of the curve so far; a geometric one would hide spikes.
    private static IEnumerable<(long Step, double Value)> RunningMean(IReadOnlyList<(long Step, double Value)> points)
    {
        double decay = 1 - 1.0 / Math.Clamp(points.Count / 20.0, 1, 200);
        double sum = 0,
            weight = 0;
        foreach ((long step, double value) in points)
        {
            if (double.IsFinite(value))
            {
                sum = decay * sum + (1 - decay) * value + (decay == 0 ? value : 0);
                weight = decay * weight + (1 - decay) + (decay == 0 ? 1 : 0);
                yield return (step, sum / weight);
            }
        }
    }
}
