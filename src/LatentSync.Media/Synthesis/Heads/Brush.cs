using SkiaSharp;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>One paint and one path for a canvas, reused for every stroke: nothing is allocated while a frame is drawn, save
/// gradients.</summary>
internal sealed class Brush : IDisposable
{
    private readonly SKPaint _paint = new()
    {
        IsAntialias = true,
        StrokeCap = SKStrokeCap.Round,
        StrokeJoin = SKStrokeJoin.Round,
    };

    /// <summary>A path to build shapes in; empty it with <see cref="Start"/>.</summary>
    public SKPath Path { get; } = new();

    /// <summary>What is drawn on.</summary>
    public SKCanvas Canvas { get; set; } = null!;

    /// <summary>Empties <see cref="Path"/> and gives it.</summary>
    public SKPath Start()
    {
        Path.Rewind();
        return Path;
    }

    public void Fill(SKPath path, SKColor colour) => Canvas.DrawPath(path, Solid(colour));

    public void Fill(SKColor colour) => Fill(Path, colour);

    public void Stroke(SKPath path, SKColor colour, float width) => Canvas.DrawPath(path, Line(colour, width));

    public void Stroke(SKColor colour, float width) => Stroke(Path, colour, width);

    public void Oval(float x, float y, float rx, float ry, SKColor colour) => Canvas.DrawOval(x, y, rx, ry, Solid(colour));

    public void OvalLine(float x, float y, float rx, float ry, SKColor colour, float width) =>
        Canvas.DrawOval(x, y, rx, ry, Line(colour, width));

    public void Rectangle(float x, float y, float width, float height, SKColor colour) =>
        Canvas.DrawRect(x, y, width, height, Solid(colour));

    public void Segment(float x0, float y0, float x1, float y1, SKColor colour, float width) =>
        Canvas.DrawLine(x0, y0, x1, y1, Line(colour, width));

    /// <summary>Fills a path with a gradient from top to bottom.</summary>
    public void FillDown(SKPath path, float top, float bottom, SKColor above, SKColor below)
    {
        using SKShader shader = SKShader.CreateLinearGradient(
            new SKPoint(0, top),
            new SKPoint(0, bottom),
            [above, below],
            SKShaderTileMode.Clamp
        );
        FillShader(path, shader);
    }

    /// <summary>Fills a path with a gradient from one point to another.</summary>
    public void FillAlong(SKPath path, SKPoint from, SKPoint to, SKColor first, SKColor last)
    {
        using SKShader shader = SKShader.CreateLinearGradient(from, to, [first, last], SKShaderTileMode.Clamp);
        FillShader(path, shader);
    }

    /// <summary>A soft spot: the colour in the middle, nothing at the rim.</summary>
    public void Glow(float x, float y, float radius, SKColor colour)
    {
        using SKShader shader = SKShader.CreateRadialGradient(
            new SKPoint(x, y),
            radius,
            [colour, colour.WithAlpha(0)],
            SKShaderTileMode.Clamp
        );
        _paint.Style = SKPaintStyle.Fill;
        _paint.Color = SKColors.Black;
        _paint.Shader = shader;
        Canvas.DrawCircle(x, y, radius, _paint);
        _paint.Shader = null;
    }

    public void Dispose()
    {
        Path.Dispose();
        _paint.Dispose();
    }

    private void FillShader(SKPath path, SKShader shader)
    {
        _paint.Style = SKPaintStyle.Fill;
        _paint.Color = SKColors.Black;
        _paint.Shader = shader;
        Canvas.DrawPath(path, _paint);
        _paint.Shader = null;
    }

    private SKPaint Solid(SKColor colour)
    {
        _paint.Style = SKPaintStyle.Fill;
        _paint.Color = colour;
        return _paint;
    }

    private SKPaint Line(SKColor colour, float width)
    {
        _paint.Style = SKPaintStyle.Stroke;
        _paint.StrokeWidth = width;
        _paint.Color = colour;
        return _paint;
    }
}
