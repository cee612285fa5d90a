using SkiaSharp;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>Draws neck, shoulders and clothes, in face units below the head; they follow the head only a little.</summary>
internal static class GarmentPainter
{
    private const float Shoulder = 246;
    private const float Bottom = 420;

    public static void DrawNeck(Brush brush, in FaceGeometry face)
    {
        SKColor skin = face.Identity.Skin;
        float half = face.Identity.HeadWidth * 0.52f;
        SKPath neck = brush.Start();
        neck.MoveTo(-half, 90);
        neck.CubicTo(-half, 190, -half - 4, 224, -half - 44, Shoulder + 12);
        neck.LineTo(half + 44, Shoulder + 12);
        neck.CubicTo(half + 4, 224, half, 190, half, 90);
        neck.Close();
        brush.FillDown(neck, 150, 262, HeadIdentity.Shade(skin, 0.70f), HeadIdentity.Shade(skin, 0.93f));
        brush.Oval(0, 300, 66, 62, HeadIdentity.Shade(skin, 0.92f));
    }

    public static void DrawBody(Brush brush, in FaceGeometry face)
    {
        HeadIdentity identity = face.Identity;
        SKColor cloth = identity.Cloth,
            dark = HeadIdentity.Shade(cloth, 0.74f),
            second = identity.SecondCloth;
        float wide = identity.HeadWidth * 1.98f;
        bool open = identity.Garment is GarmentStyle.Shirt or GarmentStyle.Jacket;
        SKPath body = brush.Start();
        body.MoveTo(-60, Shoulder - 14);
        body.CubicTo(-100, Shoulder + 10, -wide, Shoulder + 8, -wide - 22, Bottom);
        body.LineTo(wide + 22, Bottom);
        body.CubicTo(wide, Shoulder + 8, 100, Shoulder + 10, 60, Shoulder - 14);
        if (open)
        {
            body.LineTo(0, Shoulder + 62);
        }
        else
        {
            body.CubicTo(46, Shoulder + 34, -46, Shoulder + 34, -60, Shoulder - 14);
        }
        body.Close();
        brush.FillDown(body, Shoulder - 10, Bottom, cloth, dark);
        switch (identity.Garment)
        {
            case GarmentStyle.TShirt:
                Neckline(brush, dark, 6);
                break;
            case GarmentStyle.Sweater:
                Neckline(brush, HeadIdentity.Shade(cloth, 0.82f), 15);
                Neckline(brush, dark.WithAlpha(90), 2);
                break;
            case GarmentStyle.Hoodie:
                Neckline(brush, HeadIdentity.Shade(cloth, 0.62f), 22);
                brush.Segment(-22, Shoulder + 30, -24, Shoulder + 78, HeadIdentity.Shade(cloth, 1.5f), 4);
                brush.Segment(22, Shoulder + 30, 24, Shoulder + 78, HeadIdentity.Shade(cloth, 1.5f), 4);
                break;
            case GarmentStyle.Shirt:
                Collar(brush, HeadIdentity.Shade(cloth, 1.12f), dark, 0);
                break;
            case GarmentStyle.Jacket:
                SKPath shirt = brush.Start();
                shirt.MoveTo(-56, Shoulder - 10);
                shirt.LineTo(0, Shoulder + 120);
                shirt.LineTo(56, Shoulder - 10);
                shirt.LineTo(22, Shoulder + 28);
                shirt.LineTo(0, Shoulder + 40);
                shirt.LineTo(-22, Shoulder + 28);
                shirt.Close();
                brush.Fill(HeadIdentity.Mix(second, SKColors.White, 0.55f));
                Collar(brush, HeadIdentity.Mix(second, SKColors.White, 0.7f), HeadIdentity.Shade(second, 0.8f), 0);
                Lapels(brush, dark);
                break;
        }
        // Arms: two folds.
        brush.Segment(-wide * 0.78f, Bottom, -wide * 0.70f, Shoulder + 70, dark.WithAlpha(150), 3);
        brush.Segment(wide * 0.78f, Bottom, wide * 0.70f, Shoulder + 70, dark.WithAlpha(150), 3);
    }

    private static void Neckline(Brush brush, SKColor colour, float width)
    {
        SKPath line = brush.Start();
        line.MoveTo(-60, Shoulder - 14);
        line.CubicTo(-46, Shoulder + 34, 46, Shoulder + 34, 60, Shoulder - 14);
        brush.Stroke(colour, width);
    }

    private static void Collar(Brush brush, SKColor colour, SKColor edge, float drop)
    {
        foreach (int side in (ReadOnlySpan<int>)[-1, 1])
        {
            SKPath collar = brush.Start();
            collar.MoveTo(side * 58, Shoulder - 22);
            collar.LineTo(side * 3, Shoulder + 58 + drop);
            collar.LineTo(side * 44, Shoulder + 66);
            collar.LineTo(side * 74, Shoulder + 2);
            collar.Close();
            brush.Fill(colour);
            brush.Stroke(edge.WithAlpha(150), 1.6f);
        }
    }

    private static void Lapels(Brush brush, SKColor colour)
    {
        foreach (int side in (ReadOnlySpan<int>)[-1, 1])
        {
            SKPath lapel = brush.Start();
            lapel.MoveTo(side * 74, Shoulder - 4);
            lapel.LineTo(side * 4, Bottom - 30);
            lapel.LineTo(side * 62, Shoulder + 104);
            lapel.LineTo(side * 48, Shoulder + 92);
            lapel.LineTo(side * 92, Shoulder + 46);
            lapel.Close();
            brush.Fill(colour);
        }
    }
}
