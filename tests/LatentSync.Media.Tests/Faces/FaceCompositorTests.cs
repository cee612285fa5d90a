using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Compositing;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Masks;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Tests.Faces;

public sealed class FaceCompositorTests
{
    private static readonly FaceTemplate Template = new(256);
    private static readonly FaceMask Mask = FaceMask.Create(256);
    private static readonly FaceCompositor Compositor = new(Template, Mask);

    /// <summary>Distance between the eyes in pixels, tilt in radians.</summary>
    [Theory]
    [InlineData(150, 0.0)]
    [InlineData(85, 0.2)]
    [InlineData(60, -0.4)]
    public void Paste_CropItself_ReproducesTheFrame(double eyes, double tilt)
    {
        VideoFrame frame = TestFrames.Waves(640, 480);
        AlignedFace face = Cut(frame, 320, 200, eyes, tilt);

        VideoFrame pasted = Compositor.Paste(frame, face, face.Square);

        var box = new FaceBox(320 - (1.2 * eyes), 200 - eyes, 320 + (1.2 * eyes), 200 + (2 * eyes));
        double psnr = TestFrames.Psnr(frame, pasted, box);
        Assert.True(psnr > 40, $"{psnr:F2} dB");
    }

    [Fact]
    public void Paste_BlackFace_ChangesNothingWhereTheMaskKeeps()
    {
        VideoFrame frame = TestFrames.Plain(640, 480, 200, 180, 160);
        byte[] before = [.. frame.Rgb];
        AlignedFace face = Cut(frame, 320, 200, 90, 0.1);
        float[] black = Filled(-1);

        VideoFrame pasted = Compositor.Paste(frame, face, black);

        Assert.Equal(before, frame.Rgb);
        AffineMatrix toSquare = face.Matrix.Then(Template.CropToSquare);
        int untouched = 0,
            black100 = 0;
        for (int y = 0; y < frame.Height; y++)
        {
            for (int x = 0; x < frame.Width; x++)
            {
                FacePoint p = toSquare.Apply(new(x, y));
                int i = 3 * ((y * frame.Width) + x);
                if (IsKeptAround(p))
                {
                    Assert.Equal(before[i], pasted.Rgb[i]);
                    untouched++;
                }
                else if (pasted.Rgb[i] == 0)
                {
                    black100++;
                }
            }
        }
        Assert.True(untouched > 250_000);
        // the generated region has 26673 pixels of the square; most of it is beyond the soft edge
        double expected = 26673 / Math.Abs(toSquare.Determinant);
        Assert.InRange(black100, 0.7 * expected, expected);
    }

    [Theory]
    [InlineData(320, 200)]
    [InlineData(30, 100)]
    [InlineData(-500, -500)]
    public void CopyWeights_AnyPlace_IsZeroExactlyWherePastingChangesNothing(double x, double y)
    {
        VideoFrame frame = TestFrames.Plain(640, 480, 200, 180, 160);
        AlignedFace face = Cut(frame, x, y, 90, 0.1);
        VideoFrame pasted = Compositor.Paste(frame, face, Filled(-1));
        float[] weights = new float[640 * 480];
        weights.AsSpan().Fill(7);

        Compositor.CopyWeights(face.Matrix, 640, 480, weights);

        for (int i = 0; i < weights.Length; i++)
        {
            // Weights below half a level of 200 change nothing yet.
            bool changed = pasted.Rgb[3 * i] != 200;
            Assert.True(
                changed ? weights[i] > 0 : weights[i] < 0.5f / 200 + 1e-4f,
                $"pixel {i}: weight {weights[i]}, value {pasted.Rgb[3 * i]}"
            );
        }
        Assert.Throws<ArgumentException>(() => Compositor.CopyWeights(face.Matrix, 640, 480, new float[5]));
    }

    [Fact]
    public void Paste_HardEdge_HasOnlyTwoLevelsInside()
    {
        VideoFrame frame = TestFrames.Plain(640, 480, 200, 200, 200);
        AlignedFace face = Cut(frame, 320, 200, 140, 0);
        var hard = new FaceCompositor(Template, Mask, new FaceCompositorOptions { Feather = 0 });

        VideoFrame soft = Compositor.Paste(frame, face, Filled(-1)),
            sharp = hard.Paste(frame, face, Filled(-1));

        Assert.True(Between(sharp) < Between(soft) / 3, $"{Between(sharp)} and {Between(soft)}");

        static int Between(VideoFrame f) => f.Rgb.Count(v => v is > 0 and < 200);
    }

    [Fact]
    public void Paste_FaceMuchSmallerThanTheSquare_IsAveragedNotSampled()
    {
        // stripes of one pixel of the square: sampled without a wider kernel they would alias to large waves
        VideoFrame frame = TestFrames.Plain(320, 240, 128, 128, 128);
        AlignedFace face = Cut(frame, 160, 100, 20, 0);
        float[] stripes = new float[3 * 256 * 256];
        for (int i = 0; i < stripes.Length; i++)
        {
            stripes[i] = (i & 1) == 0 ? -1 : 1;
        }

        VideoFrame pasted = Compositor.Paste(frame, face, stripes);

        Assert.InRange(pasted.Rgb.Min(), 118, 128);
        Assert.InRange(pasted.Rgb.Max(), 127, 138);
    }

    [Theory]
    [InlineData(0, 240)]
    [InlineData(639, 240)]
    [InlineData(320, 470)]
    [InlineData(-300, -300)]
    public void Paste_FacePartlyOrWhollyOutside_StillReproducesTheFrame(double x, double y)
    {
        VideoFrame frame = TestFrames.Waves(640, 480);
        AlignedFace face = Cut(frame, x, y, 100, 0);

        VideoFrame pasted = Compositor.Paste(frame, face, face.Square);

        Assert.True(TestFrames.Psnr(frame, pasted, new FaceBox(0, 0, 640, 480)) > 40);
        Assert.True(frame.Rgb.Zip(pasted.Rgb).Max(pair => Math.Abs(pair.First - pair.Second)) < 25, "no grey from outside");
    }

    /// <summary>The mouth's middle lies on each border of the frame in turn.</summary>
    [Theory]
    [InlineData(0, 240, 0.0)]
    [InlineData(639, 240, 0.0)]
    [InlineData(320, 400, 0.0)]
    [InlineData(0, 240, 0.4)]
    [InlineData(320, 400, -0.3)]
    public void Paste_MouthAtTheBorder_IsReplacedUpToIt(double x, double y, double tilt)
    {
        VideoFrame frame = TestFrames.Plain(640, 480, 200, 180, 160);
        AlignedFace face = Cut(frame, x, y, 100, tilt);
        float[] weights = new float[640 * 480];
        Compositor.CopyWeights(face.Matrix, 640, 480, weights);

        VideoFrame pasted = Compositor.Paste(frame, face, Filled(-1));

        int whole = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            int column = i % 640,
                row = i / 640;
            if (weights[i] >= 1 && (column is 0 or 639 || row == 479))
            {
                Assert.InRange(pasted.Rgb[3 * i], 0, 1);
                whole++;
            }
        }
        Assert.True(whole > 20, $"{whole} pixels of the border belong to the mouth");
    }

    [Fact]
    public void Paste_ValuesBeyondTheRange_AreClamped()
    {
        VideoFrame frame = TestFrames.Plain(640, 480, 128, 128, 128);
        AlignedFace face = Cut(frame, 320, 200, 90, 0);

        Assert.Equal(255, Compositor.Paste(frame, face, Filled(7)).Rgb.Max());
        Assert.Equal(0, Compositor.Paste(frame, face, Filled(-7)).Rgb.Min());
    }

    [Fact]
    public void MatchColour_FaceEqualsOriginal_IsExactlyNothing()
    {
        VideoFrame frame = TestFrames.Waves(640, 480);
        AlignedFace face = Cut(frame, 320, 200, 85, 0.2);
        var matching = new FaceCompositor(Template, Mask, new FaceCompositorOptions { MatchColour = true });

        Assert.Equal(Compositor.Paste(frame, face, face.Square).Rgb, matching.Paste(frame, face, face.Square).Rgb);
    }

    [Fact]
    public void MatchColour_FaceWithAColourCast_RemovesMostOfIt()
    {
        VideoFrame frame = TestFrames.Waves(640, 480);
        AlignedFace face = Cut(frame, 320, 200, 85, 0);
        byte[] cast = [.. face.Square.Rgb.Select((v, i) => (byte)Math.Clamp(i % 3 == 0 ? v + 12 : v - 5, 0, 255))];
        var tinted = new FaceImage(256, 256, cast);
        var matching = new FaceCompositor(Template, Mask, new FaceCompositorOptions { MatchColour = true });
        var box = new FaceBox(240, 200, 400, 340);

        double plain = TestFrames.Psnr(frame, Compositor.Paste(frame, face, tinted), box);
        double matched = TestFrames.Psnr(frame, matching.Paste(frame, face, tinted), box);

        Assert.True(matched > plain + 8, $"{plain:F1} dB, matched {matched:F1} dB");
    }

    [Fact]
    public void Constructor_MaskOfAnotherResolution_Throws()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => new FaceCompositor(Template, FaceMask.Create(512)));
        Assert.Contains("resolution 512", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PasteInto_FaceOfAnotherSize_Throws()
    {
        VideoFrame frame = TestFrames.Waves(64, 64);
        AlignedFace face = Cut(frame, 32, 32, 20, 0);

        Assert.Throws<ArgumentException>(() => Compositor.PasteInto(frame, face, new float[3 * 128 * 128]));
    }

    private static bool IsKeptAround(FacePoint p)
    {
        for (int dy = 0; dy <= 1; dy++)
        {
            for (int dx = 0; dx <= 1; dx++)
            {
                int x = (int)Math.Floor(p.X) + dx,
                    y = (int)Math.Floor(p.Y) + dy;
                if (x >= 0 && y >= 0 && x < 256 && y < 256 && Mask.Values[(y * 256) + x] == 0)
                {
                    return false;
                }
            }
        }
        return true;
    }

    private static AlignedFace Cut(VideoFrame frame, double x, double y, double eyes, double tilt)
    {
        var half = new FacePoint(eyes / 2 * Math.Cos(tilt), eyes / 2 * Math.Sin(tilt));
        AlignmentPoints points = FaceProportions.FromEyes(new FacePoint(x, y) - half, new FacePoint(x, y) + half);
        return FaceWarper.Crop(frame, new FaceAligner(Template).Align(points), Template);
    }

    private static float[] Filled(float value)
    {
        float[] face = new float[3 * 256 * 256];
        face.AsSpan().Fill(value);
        return face;
    }
}
