using LatentSync.Media.Synthesis.Numbers;
using SkiaSharp;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>Draws the head's outline, ears, nose, cheeks, light, freckles and beard.</summary>
/// <remarks>What LatentSync's mask leaves visible must not tell what the mouth does, or a network would learn to look there instead of
/// listening: only things below about 84 units, or on the cheeks below 48, may depend on it.</remarks>
internal static class HeadPainter
{
    /// <summary>Top of the skull, above the brows.</summary>
    public const float Top = -112;

    public static void DrawEars(Brush brush, in FaceGeometry face)
    {
        HeadIdentity identity = face.Identity;
        SKColor inner = HeadIdentity.Shade(identity.Skin, 0.78f);
        foreach (int side in (ReadOnlySpan<int>)[-1, 1])
        {
            float x = side * (identity.HeadWidth + 3) - face.Turn * 0.6f;
            brush.Oval(x, 36, 15, 27, HeadIdentity.Shade(identity.Skin, 0.93f));
            brush.OvalLine(x, 36, 15, 27, Outline(identity), 1.4f);
            SKPath fold = brush.Start();
            fold.MoveTo(x + side * 5, 20);
            fold.QuadTo(x + side * 9, 36, x + side * 1, 52);
            brush.Stroke(inner, 2.4f);
            if (identity.Earrings)
            {
                brush.Oval(x + side * 1, 66, 4.2f, 4.2f, new SKColor(0xE9, 0xC4, 0x5C));
                brush.Oval(x + side * 1 - 1.2f, 64.8f, 1.4f, 1.4f, new SKColor(0xFF, 0xF3, 0xC8));
            }
        }
    }

    public static void DrawFace(Brush brush, in FaceGeometry face, SKPath outline)
    {
        HeadIdentity identity = face.Identity;
        SKColor skin = identity.Skin;
        brush.FillDown(outline, Top, identity.ChinY, HeadIdentity.Shade(skin, 1.03f), HeadIdentity.Shade(skin, 0.95f));
        SKCanvas canvas = brush.Canvas;
        canvas.Save();
        canvas.ClipPath(outline, SKClipOperation.Intersect, true);
        // Light from one side: shade grows towards the other.
        float far = -identity.Light * identity.HeadWidth;
        brush.FillAlong(
            outline,
            new SKPoint(far * 0.15f, 0),
            new SKPoint(far * 1.12f, 60),
            SKColors.Transparent,
            HeadIdentity.Shade(skin, 0.45f).WithAlpha((byte)(62 + 30 * Math.Abs(identity.Light)))
        );
        brush.Glow(-far * 0.55f, -42, 62, SKColors.White.WithAlpha(34));
        SKColor blush = HeadIdentity.Mix(skin, new SKColor(0xE2, 0x5A, 0x55), 0.55f);
        foreach (int side in (ReadOnlySpan<int>)[-1, 1])
        {
            brush.Glow(side * 66 + face.Turn, 82, 34, blush.WithAlpha(76));
        }
        if (identity.Freckles)
        {
            DrawFreckles(brush, face);
        }
        DrawBeard(brush, face);
        canvas.Restore();
        brush.Stroke(outline, Outline(identity), 1.8f);
    }

    /// <summary>Outline of the face: skull, cheeks, jaw and chin; the jaw falls with the mouth.</summary>
    public static void BuildOutline(SKPath path, in FaceGeometry face)
    {
        float w = face.Identity.HeadWidth,
            jaw = w * face.Identity.Jaw,
            jawY = 118;
        float chin = face.Identity.Chin,
            chinY = face.ChinY,
            shift = face.Turn * 0.35f;
        path.Rewind();
        path.MoveTo(0, Top);
        path.CubicTo(w * 0.64f, Top, w, -68, w, 12);
        path.CubicTo(w, 58, jaw + 4, 88, jaw, jawY);
        path.CubicTo(jaw - 9, jawY + 34, chin + 30 + shift, chinY, chin * 0.6f + shift, chinY);
        path.LineTo(-chin * 0.6f + shift, chinY);
        path.CubicTo(-chin - 30 + shift, chinY, -jaw + 9, jawY + 34, -jaw, jawY);
        path.CubicTo(-jaw - 4, 88, -w, 58, -w, 12);
        path.CubicTo(-w, -68, -w * 0.64f, Top, 0, Top);
        path.Close();
    }

    public static void DrawNose(Brush brush, in FaceGeometry face)
    {
        SKColor skin = face.Identity.Skin;
        SKColor shade = HeadIdentity.Shade(skin, 0.70f);
        float w = face.Identity.NoseWidth,
            x = face.Nose.X,
            y = face.Nose.Y + 6;
        int dark = face.Identity.Light > 0 ? -1 : 1;
        // Bridge: a shaded side and a light ridge.
        SKPath bridge = brush.Start();
        bridge.MoveTo(face.Turn * 1.05f + dark * 8, 8);
        bridge.QuadTo(x + dark * 7, y - 24, x + dark * (w * 0.62f), y - 4);
        bridge.QuadTo(x + dark * 2, y - 14, face.Turn * 1.05f + dark * 8, 8);
        brush.Fill(shade.WithAlpha(80));
        brush.Glow(x - dark * 3, y - 8, 13, SKColors.White.WithAlpha(44));
        // Wings and tip.
        SKPath tip = brush.Start();
        tip.MoveTo(x - w, y + 2);
        tip.CubicTo(x - w - 2, y + 10, x - w * 0.55f, y + 13, x - w * 0.38f, y + 9);
        tip.CubicTo(x - w * 0.2f, y + 14, x + w * 0.2f, y + 14, x + w * 0.38f, y + 9);
        tip.CubicTo(x + w * 0.55f, y + 13, x + w + 2, y + 10, x + w, y + 2);
        brush.Stroke(shade, 2.2f);
        brush.Oval(x - w * 0.42f, y + 8.6f, 3.6f, 2f, HeadIdentity.Shade(skin, 0.42f).WithAlpha(190));
        brush.Oval(x + w * 0.42f, y + 8.6f, 3.6f, 2f, HeadIdentity.Shade(skin, 0.42f).WithAlpha(190));
    }

    /// <summary>Folds from the nose to the corners, and the dent of the upper lip.</summary>
    public static void DrawFolds(Brush brush, in FaceGeometry face)
    {
        SKColor fold = HeadIdentity.Shade(face.Identity.Skin, 0.66f);
        float spread = Math.Max(face.HalfMouth, 30);
        foreach (int side in face.Identity.Beard == BeardStyle.Full ? (ReadOnlySpan<int>)[] : [-1, 1])
        {
            float x0 = face.Nose.X + side * (face.Identity.NoseWidth + 5),
                x1 = face.Mouth.X + side * (spread + 11);
            SKPath path = brush.Start();
            path.MoveTo(x0 + side * 7, 88);
            path.QuadTo(x1 + side, 94, x1, face.CornerY - 4);
            brush.Stroke(fold.WithAlpha(26), 2.4f);
        }
        float lip = face.UpperInnerY - face.UpperLip;
        brush.Segment(face.Mouth.X - 3.4f, 88, face.Mouth.X - 4.4f, lip - 3, fold.WithAlpha(26), 2.4f);
        brush.Segment(face.Mouth.X + 3.4f, 88, face.Mouth.X + 4.4f, lip - 3, fold.WithAlpha(26), 2.4f);
    }

    private static void DrawFreckles(Brush brush, in FaceGeometry face)
    {
        SeededRandom random = new(face.Identity.Detail, 1);
        SKColor colour = HeadIdentity.Mix(face.Identity.Skin, new SKColor(0xA0, 0x55, 0x30), 0.6f).WithAlpha(150);
        for (int i = 0; i < 34; i++)
        {
            float x = (float)random.Range(-82, 82),
                y = (float)(random.Range(52, 84) - 6 * Math.Cos(x / 26));
            brush.Oval(x + face.Turn, y, 1.3f, 1.1f, colour);
        }
    }

    private static void DrawBeard(Brush brush, in FaceGeometry face)
    {
        HeadIdentity identity = face.Identity;
        if (identity.Beard == BeardStyle.None)
        {
            return;
        }
        float w = identity.HeadWidth,
            x = face.Mouth.X,
            lip = face.UpperInnerY - face.UpperLip,
            low = face.LowerInnerY + face.LowerLip;
        SKColor colour =
            identity.Beard == BeardStyle.Stubble
                ? HeadIdentity.Mix(identity.Skin, HeadIdentity.Shade(identity.Hair, 0.9f), 0.6f).WithAlpha(86)
                : HeadIdentity.Shade(identity.Hair, 0.96f);
        SKPath path = brush.Start();
        path.FillType = SKPathFillType.Winding;
        if (identity.Beard is BeardStyle.Full or BeardStyle.Stubble)
        {
            // The line over the cheeks lies still, whatever the mouth does.
            float still = identity.MouthY - 5;
            // Side burns, cheeks, around the mouth, chin: an area under a line, the lips' surroundings left free below the nose.
            path.MoveTo(-w - 4, 44);
            path.CubicTo(-w + 12, 70, -w + 22, 96, x - 56, still);
            path.CubicTo(x - 40, lip - 8, x - 20, lip - 12, x, lip - 9);
            path.CubicTo(x + 20, lip - 12, x + 40, lip - 8, x + 56, still);
            path.CubicTo(w - 22, 96, w - 12, 70, w + 4, 44);
            path.LineTo(w + 10, face.ChinY + 20);
            path.LineTo(-w - 10, face.ChinY + 20);
            path.Close();
            brush.Fill(colour);
        }
        if (identity.Beard is BeardStyle.Moustache or BeardStyle.Goatee)
        {
            path.MoveTo(x, lip - 11);
            path.CubicTo(x - 16, lip - 15, x - 34, lip - 6, x - 47, face.CornerY + 2);
            path.CubicTo(x - 34, face.CornerY - 5, x - 20, lip - 1, x, lip - 2.5f);
            path.CubicTo(x + 20, lip - 1, x + 34, face.CornerY - 5, x + 47, face.CornerY + 2);
            path.CubicTo(x + 34, lip - 6, x + 16, lip - 15, x, lip - 11);
            path.Close();
            brush.Fill(colour);
        }
        if (identity.Beard == BeardStyle.Goatee)
        {
            SKPath chin = brush.Start();
            chin.MoveTo(x, low + 5);
            chin.CubicTo(x + 17, low + 6, x + 34, low + 14, x + 27, face.ChinY + 2);
            chin.LineTo(x - 27, face.ChinY + 2);
            chin.CubicTo(x - 34, low + 14, x - 17, low + 6, x, low + 5);
            chin.Close();
            brush.Fill(colour);
        }
    }

    internal static SKColor Outline(HeadIdentity identity) => HeadIdentity.Shade(identity.Skin, 0.58f).WithAlpha(200);
}
