using LatentSync.Media.Synthesis.Numbers;
using SkiaSharp;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>Draws the hair: what is behind the head first, what lies over the forehead last.</summary>
internal static class HairPainter
{
    private const float Top = HeadPainter.Top;

    public static void DrawBehind(Brush brush, in FaceGeometry face)
    {
        HeadIdentity identity = face.Identity;
        SKColor back = HeadIdentity.Shade(identity.Hair, 0.72f);
        float w = identity.HeadWidth,
            sway = -face.Turn * 0.8f;
        switch (identity.HairStyle)
        {
            case HairStyle.Bob:
                Mane(brush, w + 20, 140, sway, back);
                break;
            case HairStyle.Long:
                Mane(brush, w + 24, 262, sway, back);
                break;
            case HairStyle.Bun:
                brush.Oval(sway, Top - 28, 40, 36, back);
                brush.Oval(sway - 4, Top - 32, 34, 30, identity.Hair);
                DrawStrand(brush, sway - 24, Top - 34, sway + 20, Top - 44, 14, HeadIdentity.Shade(identity.Hair, 1.16f), 2.4f);
                break;
            case HairStyle.Ponytail:
                SKPath tail = brush.Start();
                tail.MoveTo(w * 0.55f + sway, Top + 26);
                tail.CubicTo(w + 62 + sway, Top + 10, w + 62 + sway, 90, w + 26 + sway * 2, 160);
                tail.CubicTo(w + 24 + sway, 100, w + 6, 40, w * 0.6f, 0);
                tail.Close();
                brush.Fill(back);
                break;
            case HairStyle.Afro:
                Puffs(brush, face, w + 26, 30, -26, back, 17, 1.3);
                brush.Oval(sway * 0.5f, -34, w + 30, 118, back);
                break;
            case HairStyle.Curly:
                Puffs(brush, face, w + 6, 24, -24, back, 15, 1.3);
                break;
        }
    }

    public static void DrawFront(Brush brush, in FaceGeometry face)
    {
        HeadIdentity identity = face.Identity;
        SKColor hair = identity.Hair,
            light = HeadIdentity.Shade(hair, 1.16f),
            dark = HeadIdentity.Shade(hair, 0.8f);
        float w = identity.HeadWidth,
            shift = face.Turn * 0.4f;
        int part = identity.Detail % 2 == 0 ? 1 : -1;
        SKPath path = brush.Start();
        switch (identity.HairStyle)
        {
            case HairStyle.Short:
                Cap(path, w + 5, 24, 22);
                path.LineTo(w - 5, -18);
                path.CubicTo(w - 16, -52, part * 30 + 40 + shift, -66, part * 26 + shift, -74);
                path.CubicTo(part * 10 + shift, -60, -w + 40, -58, -w + 5, -18);
                Finish(brush, path, hair, dark);
                DrawStrand(brush, part * 24 + shift, -84, part * -60, -92, 16, light, 3);
                DrawStrand(brush, part * 30 + shift, -90, part * 76, -78, 8, light, 2.4f);
                break;
            case HairStyle.Quiff:
                path.MoveTo(-w - 3, 18);
                path.CubicTo(-w - 12, -70, -78, -128, -20, -142);
                path.CubicTo(30, -164, 92, -142, 96, -104);
                path.CubicTo(w + 8, -78, w + 6, -20, w + 3, 18);
                path.LineTo(w - 6, -22);
                path.CubicTo(w - 10, -56, 66, -72, 36 + shift, -76);
                path.CubicTo(0, -80, -50, -84, -70, -66);
                path.CubicTo(-92, -48, -w + 6, -40, -w + 6, -22);
                Finish(brush, path, hair, dark);
                DrawStrand(brush, -64, -84, 70, -118, 34, light, 3.4f);
                DrawStrand(brush, -36, -84, 84, -98, 24, light, 2.6f);
                break;
            case HairStyle.Buzz:
                Cap(path, w + 1, 14, 3);
                path.LineTo(w - 3, -16);
                path.CubicTo(w - 12, -54, 66, -72, shift, -74);
                path.CubicTo(-66, -72, -w + 12, -54, -w + 3, -16);
                path.Close();
                brush.Fill(HeadIdentity.Mix(hair, identity.Skin, 0.22f).WithAlpha(225));
                break;
            case HairStyle.Curly:
                Cap(path, w + 4, 16, 18);
                path.LineTo(w - 4, -26);
                path.CubicTo(w - 14, -56, 50, -66, shift, -66);
                path.CubicTo(-50, -66, -w + 14, -56, -w + 4, -26);
                Finish(brush, path, hair, hair);
                Curls(brush, face, hair, light, dark);
                break;
            case HairStyle.Bob:
                Cap(path, w + 14, 96, 22);
                path.CubicTo(w + 6, 110, w - 8, 96, w - 6, 60);
                path.CubicTo(w - 2, 10, w - 10, -20, w - 18, -38);
                path.CubicTo(60, -30, -60, -30, -w + 18, -38);
                path.CubicTo(-w + 10, -20, -w + 2, 10, -w + 6, 60);
                path.CubicTo(-w + 8, 96, -w - 6, 110, -w - 14, 96);
                Finish(brush, path, hair, dark);
                for (int i = -2; i <= 2; i++)
                {
                    brush.Segment(i * 26 + shift, -88, i * 32 + shift, -42, light.WithAlpha(150), 2.4f);
                }
                break;
            case HairStyle.Long:
                Cap(path, w + 16, 150, 24);
                path.CubicTo(w + 6, 120, w - 14, 70, w - 8, 20);
                path.CubicTo(w - 14, -30, part * 30 + 44, -66, part * 30 + shift, -92);
                path.CubicTo(part * 30 - 40, -66, -w + 18, -30, -w + 8, 20);
                path.CubicTo(-w + 14, 70, -w - 6, 120, -w - 16, 150);
                Finish(brush, path, hair, dark);
                DrawStrand(brush, part * 30 + 8, -98, w + 2, 20, 26, light, 3);
                DrawStrand(brush, part * 30 - 8, -98, -w - 2, 20, -26, light, 3);
                break;
            case HairStyle.Bun:
            case HairStyle.Ponytail:
                Cap(path, w + 4, 10, 14);
                path.LineTo(w - 4, -14);
                path.CubicTo(w - 10, -58, 44, -76, part * 10 + shift, -80);
                path.CubicTo(-44, -76, -w + 10, -58, -w + 4, -14);
                Finish(brush, path, hair, dark);
                DrawStrand(brush, -w + 16, -50, 0, -112, -20, light, 2.4f);
                DrawStrand(brush, w - 16, -50, 0, -112, 20, light, 2.4f);
                DrawStrand(brush, -40, -74, 0, -116, -10, light, 2);
                DrawStrand(brush, 40, -74, 0, -116, 10, light, 2);
                break;
            case HairStyle.Balding:
                foreach (int side in (ReadOnlySpan<int>)[-1, 1])
                {
                    SKPath patch = brush.Start();
                    patch.MoveTo(side * (w + 4), 26);
                    patch.CubicTo(side * (w + 14), -20, side * (w + 4), -66, side * (w - 28), -84);
                    patch.CubicTo(side * (w - 20), -56, side * (w - 14), -30, side * (w - 5), 2);
                    patch.Close();
                    brush.Fill(hair);
                }
                brush.Glow(identity.Light * 36, -84, 34, SKColors.White.WithAlpha(70));
                break;
            case HairStyle.Afro:
                Cap(path, w + 6, 6, 30);
                path.LineTo(w - 4, -24);
                path.CubicTo(w - 16, -60, 46, -68, shift, -68);
                path.CubicTo(-46, -68, -w + 16, -60, -w + 4, -24);
                Finish(brush, path, hair, hair);
                Puffs(brush, face, w - 2, 21, -44, HeadIdentity.Shade(hair, 1.05f), 9, 0.8);
                break;
        }
    }

    /// <summary>Upper outline from the left ear over the skull to the right one; the caller adds the hair line.</summary>
    private static void Cap(SKPath path, float half, float low, float rise)
    {
        path.MoveTo(-half, low);
        path.CubicTo(-half - 6, -88, -half * 0.58f, Top - rise, 0, Top - rise);
        path.CubicTo(half * 0.58f, Top - rise, half + 6, -88, half, low);
    }

    private static void Finish(Brush brush, SKPath path, SKColor hair, SKColor dark)
    {
        path.Close();
        brush.FillDown(path, Top - 24, 20, hair, dark);
    }

    private static void Mane(Brush brush, float half, float low, float sway, SKColor colour)
    {
        SKPath path = brush.Start();
        path.MoveTo(-half + sway * 0.5f, low - 20);
        path.CubicTo(-half - 16, -60, -half * 0.7f, Top - 24, 0, Top - 24);
        path.CubicTo(half * 0.7f, Top - 24, half + 16, -60, half + sway * 0.5f, low - 20);
        path.CubicTo(half + sway, low + 6, half - 30 + sway, low + 8, half - 46, low);
        path.LineTo(-half + 46, low);
        path.CubicTo(-half + 30 + sway, low + 8, -half + sway, low + 6, -half + sway * 0.5f, low - 20);
        path.Close();
        brush.Fill(colour);
    }

    private static void DrawStrand(Brush brush, float x0, float y0, float x1, float y1, float bend, SKColor colour, float width)
    {
        SKPath path = brush.Start();
        path.MoveTo(x0, y0);
        path.QuadTo((x0 + x1) / 2 + bend * 0.6f, (y0 + y1) / 2 - Math.Abs(bend), x1, y1);
        brush.Stroke(colour.WithAlpha(140), width);
    }

    private static void Puffs(
        Brush brush,
        in FaceGeometry face,
        float radius,
        float size,
        float centreY,
        SKColor colour,
        int count,
        double span
    )
    {
        SeededRandom random = new(face.Identity.Detail, 2);
        for (int i = 0; i < count; i++)
        {
            double angle = Math.PI * (0.5 + span * ((double)i / (count - 1) - 0.5));
            float x = (float)Math.Cos(angle) * radius,
                y = centreY - (float)Math.Sin(angle) * (radius * 0.86f);
            brush.Oval(x, y, size * (float)random.Range(0.9, 1.2), size * (float)random.Range(0.9, 1.15), colour);
        }
    }

    private static void Curls(Brush brush, in FaceGeometry face, SKColor hair, SKColor light, SKColor dark)
    {
        SeededRandom random = new(face.Identity.Detail, 3);
        for (int i = 0; i < 26; i++)
        {
            double angle = Math.PI * (0.02 + 0.96 * random.NextDouble());
            float ring = (float)random.Range(0.78, 1.08);
            float x = (float)Math.Cos(angle) * (face.Identity.HeadWidth + 2) * ring;
            float y = -22 - (float)Math.Sin(angle) * 98 * ring;
            float r = (float)random.Range(12, 19);
            brush.Oval(x, y, r, r, HeadIdentity.Mix(hair, dark, (float)random.NextDouble()));
            SKPath curl = brush.Start();
            curl.AddArc(new SKRect(x - r * 0.6f, y - r * 0.6f, x + r * 0.6f, y + r * 0.6f), 180, 200);
            brush.Stroke(light.WithAlpha(110), 1.8f);
        }
    }
}
