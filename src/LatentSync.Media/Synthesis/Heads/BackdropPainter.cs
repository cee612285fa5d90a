using LatentSync.Media.Synthesis.Numbers;
using SkiaSharp;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>Draws the room, once per head, on a square of 512 by 512 stretched over the frame.</summary>
internal static class BackdropPainter
{
    public static void Draw(Brush brush, HeadIdentity identity)
    {
        SeededRandom random = new(identity.Detail, 4);
        SKColor room = identity.Room,
            second = identity.SecondRoom;
        SKPath all = brush.Start();
        all.AddRect(new SKRect(0, 0, 512, 512));
        brush.FillDown(all, 0, 512, HeadIdentity.Shade(room, 1.12f), HeadIdentity.Shade(room, 0.80f));
        switch (identity.Backdrop)
        {
            case BackdropStyle.Lights:
                for (int i = 0; i < 18; i++)
                {
                    float r = (float)random.Range(14, 48);
                    brush.Oval(
                        (float)random.Range(0, 512),
                        (float)random.Range(0, 400),
                        r,
                        r,
                        HeadIdentity.Shade(second, 1.35f).WithAlpha((byte)random.Range(26, 80))
                    );
                }
                break;
            case BackdropStyle.Window:
                float x = random.Chance(0.5) ? -40 : 352;
                SKPath pane = brush.Start();
                pane.AddRect(new SKRect(x, 40, x + 200, 330));
                brush.FillDown(pane, 40, 330, new SKColor(0xCF, 0xE6, 0xF5), new SKColor(0xF3, 0xF6, 0xEE));
                brush.Stroke(pane, HeadIdentity.Shade(room, 1.45f), 12);
                brush.Segment(x + 100, 40, x + 100, 330, HeadIdentity.Shade(room, 1.45f), 7);
                brush.Segment(x, 185, x + 200, 185, HeadIdentity.Shade(room, 1.45f), 7);
                break;
            case BackdropStyle.Hills:
                brush.Glow(random.Chance(0.5) ? 90 : 420, 100, 130, new SKColor(0xFF, 0xF4, 0xD0, 150));
                for (int i = 0; i < 3; i++)
                {
                    float y = 280 + 60 * i;
                    SKPath hill = brush.Start();
                    hill.MoveTo(0, y + (float)random.Range(-30, 30));
                    hill.CubicTo(
                        150,
                        y - (float)random.Range(20, 70),
                        330,
                        y + (float)random.Range(20, 60),
                        512,
                        y - (float)random.Range(-20, 40)
                    );
                    hill.LineTo(512, 512);
                    hill.LineTo(0, 512);
                    hill.Close();
                    brush.Fill(HeadIdentity.Shade(HeadIdentity.Mix(new SKColor(0x7E, 0xA3, 0x7C), second, 0.35f), 1.1f - 0.16f * i));
                }
                break;
            case BackdropStyle.Shelves:
                for (int row = 0; row < 3; row++)
                {
                    float y = 120 + row * 130;
                    for (float left = -10; left < 512; )
                    {
                        float width = (float)random.Range(12, 30),
                            height = (float)random.Range(62, 96);
                        SKColor book = HeadIdentity.Mix(
                            HeadIdentity.Shade(room, (float)random.Range(0.55, 1.25)),
                            second,
                            (float)random.Range(0, 0.7)
                        );
                        brush.Rectangle(left, y - height, width - 2, height, book.WithAlpha(205));
                        left += width;
                    }
                    brush.Rectangle(0, y, 512, 10, HeadIdentity.Shade(second, 0.6f));
                }
                brush.Rectangle(0, 0, 512, 512, room.WithAlpha(110));
                break;
            case BackdropStyle.Stripes:
                for (int i = 0; i < 9; i++)
                {
                    brush.Rectangle(i * 64, 0, 30, 512, HeadIdentity.Mix(room, second, 0.35f).WithAlpha(90));
                }
                break;
            default:
                brush.Glow(256, 190, 300, HeadIdentity.Shade(room, 1.45f).WithAlpha(120));
                break;
        }
    }
}
