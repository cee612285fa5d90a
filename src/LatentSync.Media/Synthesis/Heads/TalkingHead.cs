using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Synthesis.Voices;
using SkiaSharp;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>Draws one person, at any size, in any pose, with any mouth: a portrait cut off at the chest.</summary>
/// <remarks>Everything is vectors with antialiasing. In a 512 x 512 picture the aligned face box of LatentSync measures about 241 x 322
/// pixels. Not for several threads at once.</remarks>
public sealed class TalkingHead : IDisposable
{
    /// <summary>Pixels per face unit, as a fraction of the picture's shorter side: 1.15 at 512.</summary>
    private const float UnitsPerSide = 1.15f / 512;

    /// <summary>Where the neck turns, below the brows.</summary>
    private const float PivotY = 190;

    private readonly SKBitmap _bitmap;
    private readonly SKCanvas _canvas;
    private readonly SKImage _backdrop;
    private readonly Brush _brush = new();
    private readonly SKPath _outline = new();
    private readonly float _unit;

    /// <summary>Prepares to draw a person.</summary>
    /// <param name="identity">Who.</param>
    /// <param name="width">Width of the pictures in pixels, 64..4096.</param>
    /// <param name="height">Height of the pictures in pixels, 64..4096.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range.</exception>
    public TalkingHead(HeadIdentity identity, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(identity);
        CheckSide(nameof(width), width);
        CheckSide(nameof(height), height);
        Identity = identity;
        Width = width;
        Height = height;
        _unit = Math.Min(width, height) * UnitsPerSide;
        _bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        _canvas = new SKCanvas(_bitmap);
        _brush.Canvas = _canvas;
        _canvas.Save();
        _canvas.Scale(width / 512f, height / 512f);
        BackdropPainter.Draw(_brush, identity);
        _canvas.Restore();
        _backdrop = SKImage.FromBitmap(_bitmap);
    }

    /// <summary>Who is drawn.</summary>
    public HeadIdentity Identity { get; }

    /// <summary>Width of the pictures in pixels.</summary>
    public int Width { get; }

    /// <summary>Height of the pictures in pixels.</summary>
    public int Height { get; }

    /// <summary>Draws one frame.</summary>
    /// <param name="pose">Head and upper face.</param>
    /// <param name="mouth">Mouth.</param>
    /// <param name="rgb">Receives Width x Height x 3 bytes, packed RGB24, rows without padding.</param>
    /// <returns>Where things are in the picture.</returns>
    /// <exception cref="ArgumentException">The span has another length.</exception>
    public HeadLandmarks Draw(in HeadPose pose, in MouthShape mouth, Span<byte> rgb)
    {
        if (rgb.Length != Width * Height * 3)
        {
            throw new ArgumentException(
                $"A {Width}x{Height} RGB24 picture needs {Width * Height * 3} bytes, but the span has {rgb.Length}.",
                nameof(rgb)
            );
        }
        FaceGeometry face = new(Identity, pose, mouth);
        SKMatrix head = HeadMatrix(pose);

        _canvas.DrawImage(_backdrop, 0, 0);
        _canvas.Save();
        _canvas.SetMatrix(head);
        HairPainter.DrawBehind(_brush, face);
        _canvas.SetMatrix(BodyMatrix(pose));
        GarmentPainter.DrawNeck(_brush, face);
        GarmentPainter.DrawBody(_brush, face);
        _canvas.SetMatrix(head);
        _brush.Glow(0, Identity.ChinY + 10, 60, HeadIdentity.Shade(Identity.Skin, 0.35f).WithAlpha(60));
        HeadPainter.DrawEars(_brush, face);
        HeadPainter.BuildOutline(_outline, face);
        HeadPainter.DrawFace(_brush, face, _outline);
        HeadPainter.DrawFolds(_brush, face);
        HeadPainter.DrawNose(_brush, face);
        MouthPainter.Draw(_brush, face);
        EyePainter.Draw(_brush, face);
        HairPainter.DrawFront(_brush, face);
        EyePainter.DrawGlasses(_brush, face);
        _canvas.Restore();
        _canvas.Flush();
        CopyPixels(rgb);
        return Landmarks(face, head, pose);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _outline.Dispose();
        _brush.Dispose();
        _backdrop.Dispose();
        _canvas.Dispose();
        _bitmap.Dispose();
    }

    private SKMatrix HeadMatrix(in HeadPose pose)
    {
        float scale = _unit * (float)pose.Scale;
        SKMatrix matrix = SKMatrix.CreateTranslation(0, -PivotY);
        matrix = matrix.PostConcat(SKMatrix.CreateRotationDegrees((float)pose.RollDegrees));
        matrix = matrix.PostConcat(SKMatrix.CreateScale(scale, scale));
        return matrix.PostConcat(
            SKMatrix.CreateTranslation(Width * 0.5f + (float)pose.X * _unit, Height * 0.375f + PivotY * _unit + (float)pose.Y * _unit)
        );
    }

    private SKMatrix BodyMatrix(in HeadPose pose)
    {
        float scale = _unit * (1 + ((float)pose.Scale - 1) * 0.6f);
        return SKMatrix
            .CreateScale(scale, scale)
            .PostConcat(
                SKMatrix.CreateTranslation(Width * 0.5f + (float)pose.X * 0.6f * _unit, Height * 0.375f + (float)pose.Y * 0.5f * _unit)
            );
    }

    private static HeadLandmarks Landmarks(in FaceGeometry face, SKMatrix head, in HeadPose pose)
    {
        // The canvas counts from the corner of the first pixel, landmarks from its centre: half a pixel between them.
        FacePoint Map(float x, float y)
        {
            SKPoint point = head.MapPoint(x, y);
            return new FacePoint(point.X - 0.5, point.Y - 0.5);
        }
        SKPoint left = face.Brow(-1),
            right = face.Brow(1);
        float x = face.Mouth.X;
        return new HeadLandmarks(
            new AlignmentPoints(Map(left.X, left.Y), Map(right.X, right.Y), Map(face.Nose.X, face.Nose.Y)),
            Map(x, face.Mouth.Y),
            Map(x - face.HalfMouth, face.CornerY),
            Map(x + face.HalfMouth, face.CornerY),
            Map(x, face.UpperInnerY - face.UpperLip),
            Map(x, face.UpperInnerY),
            Map(x, face.LowerInnerY),
            Map(x, face.LowerInnerY + face.LowerLip),
            Map(face.Turn * 0.35f, face.ChinY),
            (Map(1, 0) - Map(0, 0)).Length,
            pose.RollDegrees * Math.PI / 180
        );
    }

    private void CopyPixels(Span<byte> rgb)
    {
        ReadOnlySpan<byte> rgba = _bitmap.GetPixelSpan();
        int stride = _bitmap.RowBytes;
        for (int y = 0, to = 0; y < Height; y++)
        {
            ReadOnlySpan<byte> row = rgba.Slice(y * stride, Width * 4);
            for (int from = 0; from < row.Length; from += 4, to += 3)
            {
                rgb[to] = row[from];
                rgb[to + 1] = row[from + 1];
                rgb[to + 2] = row[from + 2];
            }
        }
    }

    private static void CheckSide(string name, int value)
    {
        if (value is < 64 or > 4096)
        {
            throw new ArgumentOutOfRangeException(name, value, "A picture's side must be from 64 to 4096 pixels.");
        }
    }
}
