using SkiaSharp;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>Draws lips, teeth, tongue and the inside of the mouth.</summary>
/// <remarks>The colours keep a promise to <see cref="MouthOpeningMeter"/>: the inside and the tongue are darker than any lip, and teeth are
/// paler, so that the gap can be measured in pixels.</remarks>
internal static class MouthPainter
{
    private static readonly SKColor Throat = new(0x1C, 0x08, 0x0B);
    private static readonly SKColor Inside = new(0x45, 0x16, 0x1C);
    private static readonly SKColor Tongue = new(0x86, 0x2C, 0x36);
    private static readonly SKColor Teeth = new(0xF8, 0xF4, 0xEC);
    private static readonly SKColor LowerTeeth = new(0xEC, 0xE7, 0xDE);

    public static void Draw(Brush brush, in FaceGeometry face)
    {
        SKColor lips = face.Identity.Lips;
        SKColor line = SeamColour(lips);
        using SKPath outer = Outer(face);
        using SKPath inner = Inner(face, 0);

        // Soft shadow under the lower lip, then the lips.
        brush.Glow(face.Mouth.X, face.LowerInnerY + face.LowerLip + 8, 20, HeadIdentity.Shade(face.Identity.Skin, 0.5f).WithAlpha(46));
        brush.FillDown(
            outer,
            face.UpperInnerY - face.UpperLip,
            face.LowerInnerY + face.LowerLip,
            HeadIdentity.Shade(lips, 0.90f),
            HeadIdentity.Shade(lips, 1.10f)
        );
        Highlight(brush, face, lips);
        if (face.Opening > 0.4f)
        {
            DrawInside(brush, face, inner);
        }
        SeamLine(brush, face, line);
    }

    private static void DrawInside(Brush brush, in FaceGeometry face, SKPath inner)
    {
        SKCanvas canvas = brush.Canvas;
        float x = face.Mouth.X,
            top = face.UpperInnerY,
            bottom = face.LowerInnerY;
        canvas.Save();
        canvas.ClipPath(inner, SKClipOperation.Intersect, true);
        brush.FillDown(inner, top, bottom, Throat, Inside);
        float tongue = (float)face.Shape.Tongue;
        if (tongue > 0.02f && face.Opening > 6)
        {
            float height = face.Opening * 0.42f * (0.35f + 0.65f * tongue);
            brush.Oval(x, bottom - 2.2f - height * 0.5f, face.HalfMouth * 0.55f, height * 0.5f, Tongue);
            brush.Segment(x, bottom - 2.2f - height * 0.75f, x, bottom - 4f, HeadIdentity.Shade(Tongue, 0.82f), 1.6f);
        }
        float teeth = (float)face.Shape.Teeth;
        float fall = Math.Min(12.5f * face.Identity.MouthSize, face.Opening * 0.62f + 3) * teeth;
        if (fall > 0.5f)
        {
            // The upper teeth hang from the upper lip: what is inside the gap but not inside the gap moved down.
            using SKPath moved = Inner(face, fall);
            using SKPath band = inner.Op(moved, SKPathOp.Difference);
            canvas.Save();
            canvas.ClipRect(
                new SKRect(x - face.HalfMouth * 0.86f, top - 30, x + face.HalfMouth * 0.86f, top + fall + 1.5f),
                SKClipOperation.Intersect,
                true
            );
            brush.FillDown(band, top, top + fall, HeadIdentity.Shade(Teeth, 0.90f), Teeth);
            for (int i = -2; i <= 2; i++)
            {
                float at = x + i * face.HalfMouth * 0.27f;
                brush.Segment(at, top - 4, at, top + fall, new SKColor(0x9A, 0x90, 0x88, 46), 0.9f);
            }
            canvas.Restore();
        }
        if (teeth > 0.6f && face.Shape.Tuck < 0.5 && face.Opening < 20)
        {
            float rise = Math.Min(face.Opening * 0.45f, 6) * (teeth - 0.6f) * 2.5f;
            brush.Rectangle(x - face.HalfMouth * 0.62f, bottom - rise, face.HalfMouth * 1.24f, rise + 6, LowerTeeth);
        }
        canvas.Restore();
        brush.Stroke(inner, HeadIdentity.Shade(face.Identity.Lips, 0.66f).WithAlpha(150), 1.1f);
    }

    /// <summary>The line where closed lips meet; fades as they part.</summary>
    private static void SeamLine(Brush brush, in FaceGeometry face, SKColor line)
    {
        float x = face.Mouth.X,
            half = face.HalfMouth;
        if (face.Opening < 3)
        {
            SKPath seam = brush.Start();
            float control = Control(face.UpperInnerY, face.CornerY);
            seam.MoveTo(x - half, face.CornerY);
            seam.CubicTo(x - half * 0.5f, control, x - half * 0.25f, face.UpperInnerY + 0.8f, x, face.UpperInnerY + 0.8f);
            seam.CubicTo(x + half * 0.25f, face.UpperInnerY + 0.8f, x + half * 0.5f, control, x + half, face.CornerY);
            brush.Stroke(line.WithAlpha((byte)(230 * (1 - face.Opening / 3))), 1.5f);
        }
        brush.Oval(x - half, face.CornerY, 1.9f, 1.6f, line.WithAlpha(170));
        brush.Oval(x + half, face.CornerY, 1.9f, 1.6f, line.WithAlpha(170));
    }

    /// <summary>Darker than the lips, but not as dark as the inside: closed lips must not be taken for open ones.</summary>
    private static SKColor SeamColour(SKColor lips) =>
        HeadIdentity.Shade(lips, Math.Clamp(0.375f / HeadIdentity.Luminance(lips), 0.62f, 0.95f));

    private static void Highlight(Brush brush, in FaceGeometry face, SKColor lips)
    {
        float y = face.LowerInnerY + face.LowerLip * 0.48f;
        SKPath shine = brush.Start();
        shine.MoveTo(face.Mouth.X - face.HalfMouth * 0.32f, y - 0.6f);
        shine.QuadTo(face.Mouth.X, y + 2f, face.Mouth.X + face.HalfMouth * 0.32f, y - 0.6f);
        brush.Stroke(HeadIdentity.Shade(lips, 1.45f).WithAlpha(110), face.LowerLip * 0.2f);
    }

    /// <summary>Outline of both lips with the bow of the upper one.</summary>
    private static SKPath Outer(in FaceGeometry face)
    {
        float x = face.Mouth.X,
            half = face.HalfMouth + 1.5f,
            top = face.UpperInnerY - face.UpperLip,
            bottom = face.LowerInnerY + face.LowerLip;
        float peak = half * (0.30f - 0.08f * (float)face.Shape.Rounding);
        float full = 0.60f + 0.25f * (float)face.Shape.Rounding;
        float lower = Control(bottom, face.CornerY);
        SKPath path = new();
        path.MoveTo(x - half, face.CornerY);
        path.CubicTo(x - half * 0.72f, face.CornerY + (top - face.CornerY) * 0.55f, x - peak * 1.7f, top - 0.6f, x - peak, top);
        path.QuadTo(x - peak * 0.4f, top + 0.4f, x, top + 1.8f);
        path.QuadTo(x + peak * 0.4f, top + 0.4f, x + peak, top);
        path.CubicTo(x + peak * 1.7f, top - 0.6f, x + half * 0.72f, face.CornerY + (top - face.CornerY) * 0.55f, x + half, face.CornerY);
        path.CubicTo(x + half * full, lower, x - half * full, lower, x - half, face.CornerY);
        path.Close();
        return path;
    }

    /// <summary>Outline of the gap, moved down by <paramref name="shift"/>.</summary>
    private static SKPath Inner(in FaceGeometry face, float shift)
    {
        float x = face.Mouth.X,
            half = face.HalfMouth - 3f,
            corner = face.CornerY + shift;
        float full = 0.62f + 0.28f * (float)face.Shape.Rounding;
        float upper = Control(face.UpperInnerY, face.CornerY) + shift,
            lower = Control(face.LowerInnerY, face.CornerY) + shift;
        SKPath path = new();
        path.MoveTo(x - half, corner);
        path.CubicTo(x - half * full, upper, x + half * full, upper, x + half, corner);
        path.CubicTo(x + half * full, lower, x - half * full, lower, x - half, corner);
        path.Close();
        return path;
    }

    /// <summary>Height of both control points of a cubic curve that starts and ends at <paramref name="ends"/> and passes
    /// <paramref name="middle"/>.</summary>
    private static float Control(float middle, float ends) => (middle - 0.25f * ends) / 0.75f;
}
