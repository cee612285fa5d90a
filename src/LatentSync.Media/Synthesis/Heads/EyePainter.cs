using SkiaSharp;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>Draws eyes, lids, lashes, brows and glasses.</summary>
internal static class EyePainter
{
    public static void Draw(Brush brush, in FaceGeometry face)
    {
        foreach (int side in (ReadOnlySpan<int>)[-1, 1])
        {
            DrawEye(brush, face, side);
            DrawBrow(brush, face, side);
        }
    }

    public static void DrawGlasses(Brush brush, in FaceGeometry face)
    {
        if (face.Identity.Glasses == GlassesStyle.None)
        {
            return;
        }
        SKColor frame = face.Identity.Detail % 2 == 0 ? new SKColor(0x2A, 0x26, 0x2B) : new SKColor(0x7A, 0x4A, 0x32);
        SKPoint left = face.Eye(-1),
            right = face.Eye(1);
        float radius = 31;
        foreach (int side in (ReadOnlySpan<int>)[-1, 1])
        {
            SKPoint eye = face.Eye(side);
            SKPath lens = brush.Start();
            if (face.Identity.Glasses == GlassesStyle.Round)
            {
                lens.AddCircle(eye.X, eye.Y + 2, radius);
            }
            else
            {
                lens.AddRoundRect(new SKRect(eye.X - 33, eye.Y - 21, eye.X + 33, eye.Y + 26), 9, 9);
            }
            brush.Fill(SKColors.White.WithAlpha(26));
            brush.Stroke(frame, 4);
            brush.Segment(eye.X - 16, eye.Y - 9, eye.X - 7, eye.Y - 16, SKColors.White.WithAlpha(120), 3);
            float temple = side * (face.Identity.HeadWidth + 1) - face.Turn * 0.6f;
            brush.Segment(eye.X + side * 32, eye.Y - 4, temple, eye.Y - 2, frame, 3.6f);
        }
        SKPath bridge = brush.Start();
        bridge.MoveTo(left.X + radius, left.Y - 3);
        bridge.QuadTo((left.X + right.X) / 2, left.Y - 14, right.X - radius, right.Y - 3);
        brush.Stroke(frame, 4);
    }

    private static void DrawEye(Brush brush, in FaceGeometry face, int side)
    {
        HeadIdentity identity = face.Identity;
        SKPoint eye = face.Eye(side);
        float rx = 22 * identity.EyeSize,
            ry = 15 * identity.EyeSize;
        float slant = -identity.EyeSlant,
            lids = face.Lids;
        // Inner corner, outer corner, and the lids' heights; a shut upper lid lies on the lower one.
        SKPoint inner = new(eye.X - side * rx, eye.Y + 2.5f),
            outer = new(eye.X + side * rx, eye.Y + slant);
        float low = eye.Y + ry * 0.62f,
            high = eye.Y - ry * 0.86f + (ry * 1.42f) * lids;

        // Socket shade and crease.
        brush.Glow(eye.X, eye.Y - 4, 30, HeadIdentity.Shade(identity.Skin, 0.55f).WithAlpha(44));
        SKPath crease = brush.Start();
        crease.MoveTo(inner.X + side * 3, inner.Y - 8);
        crease.QuadTo(eye.X, eye.Y - ry - 9 + 5 * lids, outer.X - side * 1, outer.Y - 6);
        brush.Stroke(HeadIdentity.Shade(identity.Skin, 0.68f).WithAlpha(130), 1.7f);

        using SKPath opening = new();
        opening.MoveTo(inner);
        opening.CubicTo(
            inner.X + side * rx * 0.45f,
            Control(high, inner.Y),
            outer.X - side * rx * 0.5f,
            Control(high, outer.Y),
            outer.X,
            outer.Y
        );
        opening.CubicTo(
            outer.X - side * rx * 0.5f,
            Control(low, outer.Y),
            inner.X + side * rx * 0.55f,
            Control(low, inner.Y),
            inner.X,
            inner.Y
        );
        opening.Close();
        if (lids < 0.97f)
        {
            SKCanvas canvas = brush.Canvas;
            canvas.Save();
            canvas.ClipPath(opening, SKClipOperation.Intersect, true);
            brush.FillDown(opening, eye.Y - ry, eye.Y + ry, new SKColor(0xDD, 0xDD, 0xE2), new SKColor(0xFC, 0xFC, 0xFA));
            float x = eye.X + 7 * face.Gaze.X,
                y = eye.Y - 1 + 4 * face.Gaze.Y,
                r = 10.8f * identity.EyeSize;
            brush.Oval(x, y, r, r, HeadIdentity.Shade(identity.Iris, 0.62f));
            brush.Oval(x, y + 0.8f, r * 0.84f, r * 0.84f, identity.Iris);
            brush.Glow(x, y + r * 0.6f, r * 0.75f, HeadIdentity.Shade(identity.Iris, 1.5f).WithAlpha(170));
            brush.Oval(x, y, r * 0.46f, r * 0.46f, new SKColor(0x14, 0x10, 0x12));
            float glint = identity.Light * 3.6f;
            brush.Oval(x + glint, y - 4, 2.8f, 2.8f, SKColors.White.WithAlpha(240));
            brush.Oval(x - glint * 0.8f, y + 4, 1.4f, 1.4f, SKColors.White.WithAlpha(150));
            canvas.Restore();
        }
        SKColor dark = HeadIdentity.Mix(new SKColor(0x2A, 0x1C, 0x1A), identity.Hair, 0.25f);
        SKPath upper = brush.Start();
        upper.MoveTo(inner);
        upper.CubicTo(
            inner.X + side * rx * 0.45f,
            Control(high, inner.Y),
            outer.X - side * rx * 0.5f,
            Control(high, outer.Y),
            outer.X + side * 1.5f,
            outer.Y - 0.5f
        );
        brush.Stroke(dark, identity.Lashes ? 3.6f : 2.6f);
        if (identity.Lashes)
        {
            float drop = 5 * lids;
            brush.Segment(outer.X, outer.Y - 1, outer.X + side * 6, outer.Y - 5 + drop, dark, 2.2f);
            brush.Segment(outer.X - side * 5, outer.Y - 5 + drop, outer.X, outer.Y - 10 + 2 * drop, dark, 1.8f);
        }
        SKPath lower = brush.Start();
        lower.MoveTo(inner);
        lower.CubicTo(
            inner.X + side * rx * 0.55f,
            Control(low, inner.Y),
            outer.X - side * rx * 0.5f,
            Control(low, outer.Y),
            outer.X,
            outer.Y
        );
        brush.Stroke(HeadIdentity.Shade(identity.Skin, 0.55f).WithAlpha(150), 1.2f);
    }

    private static void DrawBrow(Brush brush, in FaceGeometry face, int side)
    {
        HeadIdentity identity = face.Identity;
        SKPoint brow = face.Brow(side);
        float half = 25,
            thick = identity.BrowThickness,
            slant = identity.BrowSlant;
        // A blade whose middle line has the brow's point as its mean: thick inside, pointed outside.
        float inner = brow.X - side * half,
            outer = brow.X + side * half;
        float innerY = brow.Y + 2 + slant * 0.5f,
            outerY = brow.Y + 3 - slant * 0.5f,
            top = brow.Y - 5.5f;
        SKPath path = brush.Start();
        path.MoveTo(inner, innerY - thick * 0.4f);
        path.CubicTo(inner + side * 14, top - thick * 0.5f, outer - side * 18, top - thick * 0.5f, outer, outerY);
        path.CubicTo(outer - side * 17, top + thick * 0.62f, inner + side * 15, top + thick * 0.75f, inner, innerY + thick * 0.5f);
        path.Close();
        SKColor colour = HeadIdentity.Mix(HeadIdentity.Shade(identity.Hair, 0.72f), new SKColor(0x50, 0x38, 0x2C), 0.25f);
        brush.Fill(colour.WithAlpha(235));
    }

    /// <summary>Height of both control points of a cubic whose middle is at <paramref name="middle"/> when it starts at
    /// <paramref name="end"/>.</summary>
    private static float Control(float middle, float end) => (middle - 0.25f * end) / 0.75f;
}
