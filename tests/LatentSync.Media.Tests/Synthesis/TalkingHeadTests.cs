using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Masks;
using LatentSync.Media.Synthesis;
using LatentSync.Media.Synthesis.Heads;
using LatentSync.Media.Synthesis.Voices;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Tests.Synthesis;

public sealed class TalkingHeadTests
{
    private const int Size = 512;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 16)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Measure_DrawnMouth_AgreesWithTheTrack(int seed)
    {
        HeadIdentity identity = HeadIdentity.FromSeed(seed);
        using TalkingHead head = new(identity, Size, Size);
        byte[] rgb = new byte[Size * Size * 3];
        SyntheticClip clip = SyntheticClip.Generate(new SyntheticClipOptions { Seed = seed, DurationSeconds = 3 });
        HeadGestures gestures = new(seed, clip.Utterance);
        List<double> drawn = [],
            measured = [];
        for (int i = 0; i < clip.FrameCount; i += 2)
        {
            HeadLandmarks landmarks = head.Draw(gestures.At(clip.SecondsAt(i)), clip.Articulation.At(clip.SecondsAt(i)), rgb);
            double expected = landmarks.MouthOpeningPixels / landmarks.UnitPixels / MouthOpeningMeter.WidestUnits;
            double actual = MouthOpeningMeter.Measure(rgb, Size, Size, landmarks.Mouth);
            drawn.Add(expected);
            measured.Add(actual);
            // 0.06 of a wide mouth is 2.8 units, about 3 pixels of 53.
            Assert.True(Math.Abs(actual - expected) < 0.06, $"seed {seed}, frame {i}: drawn {expected:0.000}, measured {actual:0.000}");
            if (expected == 0)
            {
                Assert.Equal(0, actual);
            }
        }
        Assert.True(Statistics.Correlation(drawn, measured) > 0.99);
        Assert.True(Statistics.Correlation(clip.ImpliedOpenings().Where((_, i) => i % 2 == 0).ToArray(), measured) > 0.99);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Alignment_OfDrawnFaces_PutsThemIntoTheTemplateAndTheMask(int seed)
    {
        SyntheticClip clip = SyntheticClip.Generate(new SyntheticClipOptions { Seed = seed, DurationSeconds = 2 });
        FaceTemplate template = new(256);
        FaceMask mask = FaceMask.Create(256);
        FaceAligner aligner = new(template, smoothing: false);
        HeadGestures gestures = new(seed, clip.Utterance);
        using TalkingHead head = new(clip.Identity, Size, Size);
        byte[] rgb = new byte[Size * Size * 3];
        for (int i = 0; i < clip.FrameCount; i += 10)
        {
            HeadLandmarks landmarks = head.Draw(gestures.At(clip.SecondsAt(i)), new MouthShape(1, 1, 0, 0.5, 0.5, 0), rgb);
            AffineMatrix toSquare = aligner.Align(landmarks.Alignment).Then(template.CropToSquare);
            // Proportions differ from person to person, so the fit is not exact: a few pixels of 256.
            AlignmentPoints found = landmarks.Alignment.Transform(toSquare),
                wanted = template.Points.Transform(template.CropToSquare);
            Assert.True((found.LeftBrow - wanted.LeftBrow).Length < 5, $"left brow {found.LeftBrow}, template {wanted.LeftBrow}");
            Assert.True((found.RightBrow - wanted.RightBrow).Length < 5, $"right brow {found.RightBrow}, template {wanted.RightBrow}");
            Assert.True((found.Nose - wanted.Nose).Length < 5, $"nose {found.Nose}, template {wanted.Nose}");

            // Even a mouth opened as wide as it goes lies within what is generated, and so does the chin.
            foreach (
                FacePoint point in (FacePoint[])
                    [
                        landmarks.MouthLeft,
                        landmarks.MouthRight,
                        landmarks.UpperLipTop,
                        landmarks.LowerLipBottom,
                        landmarks.MouthCentre,
                        landmarks.Chin,
                    ]
            )
            {
                FacePoint at = toSquare.Apply(point);
                Assert.InRange(at.X, 0, 255);
                Assert.InRange(at.Y, 0, 255);
                Assert.True(mask.Values[(int)Math.Round(at.Y) * 256 + (int)Math.Round(at.X)] == 0, $"{at} is outside the mask");
            }
            Assert.Equal(128, toSquare.Apply(landmarks.MouthCentre).X, 16.0);
            Assert.InRange(toSquare.Apply(landmarks.MouthCentre).Y, 146, 176);

            // The crop of 210 x 280 is about as large in the frame: little is lost and little invented.
            Assert.InRange(1 / aligner.Align(landmarks.Alignment).ScaleX, 1.0, 1.3);
        }
    }

    [Fact]
    public void Draw_SameSeed_GivesTheSamePixels()
    {
        SyntheticClipOptions options = new()
        {
            Seed = 11,
            DurationSeconds = 0.4,
            Width = 256,
            Height = 256,
        };
        byte[][] first = Collect(SyntheticClip.Generate(options)),
            second = Collect(SyntheticClip.Generate(options));
        Assert.Equal(10, first.Length);
        for (int i = 0; i < first.Length; i++)
        {
            Assert.True(first[i].AsSpan().SequenceEqual(second[i]), $"frame {i}");
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Draw_OtherMouth_ChangesNothingThatTheMaskLeavesVisible(int seed)
    {
        HeadIdentity identity = HeadIdentity.FromSeed(seed);
        FaceTemplate template = new(256);
        FaceMask mask = FaceMask.Create(256);
        using TalkingHead head = new(identity, Size, Size);
        byte[] shut = new byte[Size * Size * 3],
            open = new byte[Size * Size * 3];
        HeadLandmarks landmarks = head.Draw(HeadPose.Rest, MouthShape.Rest, shut);
        AffineMatrix toSquare = new FaceAligner(template, smoothing: false).Align(landmarks.Alignment).Then(template.CropToSquare);
        foreach (MouthShape mouth in (MouthShape[])[new(1, 0.5, 0, 0.5, 0.5, 0), new(0.3, 1, 0, 1, 0, 0), new(0.3, 0, 1, 0, 0, 0)])
        {
            head.Draw(HeadPose.Rest, mouth, open);
            int visible = 0,
                hidden = 0;
            for (int i = 0; i < Size * Size; i++)
            {
                int difference = 0;
                for (int c = 0; c < 3; c++)
                {
                    difference = Math.Max(difference, Math.Abs(shut[3 * i + c] - open[3 * i + c]));
                }
                FacePoint at = toSquare.Apply(new FacePoint(i % Size, i / Size)).Rounded();
                bool keep = at.X is < 0 or > 255 || at.Y is < 0 or > 255 || mask.Values[(int)at.Y * 256 + (int)at.X] != 0;
                visible += keep && difference > 6 ? 1 : 0;
                hidden += !keep && difference > 6 ? 1 : 0;
            }
            Assert.True(hidden > 1000, $"seed {seed}: {mouth} changes only {hidden} pixels");
            // The outline of a falling jaw crosses the mask's edge, as it does on real faces: a few pixels of 200,000.
            Assert.True(visible < 80, $"seed {seed}: {mouth} shows in {visible} pixels outside the mask");
        }
    }

    [Theory]
    [InlineData(64, 64)]
    [InlineData(65, 131)]
    [InlineData(320, 240)]
    [InlineData(1080, 1920)]
    public void Draw_AnySize_MouthIsWhereTheLandmarksSay(int width, int height)
    {
        using TalkingHead head = new(HeadIdentity.FromSeed(2), width, height);
        byte[] rgb = new byte[width * height * 3];
        HeadLandmarks landmarks = head.Draw(HeadPose.Rest, new MouthShape(0.8, 0.5, 0, 0, 0, 0), rgb);
        FacePoint middle = FacePoint.Lerp(landmarks.UpperLipBottom, landmarks.LowerLipTop, 0.5);
        ReadOnlySpan<byte> pixel = rgb.AsSpan(((int)Math.Round(middle.Y) * width + (int)Math.Round(middle.X)) * 3, 3);
        Assert.True(pixel[0] < 90 && pixel[1] < 50, $"({pixel[0]}, {pixel[1]}, {pixel[2]}) is not the inside of a mouth");
    }

    [Fact]
    public void Identities_OfManySeeds_Differ()
    {
        HashSet<HeadIdentity> people = [.. Enumerable.Range(0, 200).Select(i => HeadIdentity.FromSeed(i))];
        Assert.Equal(200, people.Count);
        Assert.Equal(10, people.Select(p => p.HairStyle).Distinct().Count());
        Assert.Equal(6, people.Select(p => p.Backdrop).Distinct().Count());
    }

    [Fact]
    public void Lips_OfAllPeople_AreLighterThanTheInside()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            SkiaSharp.SKColor lips = HeadIdentity.FromSeed(seed).Lips;
            double light = (0.299 * lips.Red + 0.587 * lips.Green + 0.114 * lips.Blue) / 255;
            Assert.True(light > 0.41, $"seed {seed}: {light}");
        }
    }

    [Fact]
    public void Frames_Disposed_ReuseTheirMemory()
    {
        HashSet<byte[]> arrays = [];
        foreach (
            SyntheticFrame frame in SyntheticClip
                .Generate(
                    new SyntheticClipOptions
                    {
                        DurationSeconds = 1,
                        Width = 64,
                        Height = 64,
                    }
                )
                .Frames()
        )
        {
            arrays.Add(frame.Frame.Rgb);
            frame.Dispose();
        }
        Assert.Single(arrays);
    }

    [Theory]
    [InlineData(0.1, 512, 25)]
    [InlineData(3, 63, 25)]
    [InlineData(3, 512, 0.5)]
    [InlineData(double.NaN, 512, 25)]
    public void Generate_OptionOutOfRange_IsRefused(double seconds, int size, double rate) =>
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            SyntheticClip.Generate(
                new SyntheticClipOptions
                {
                    DurationSeconds = seconds,
                    Width = size,
                    Height = size,
                    FrameRate = rate,
                }
            )
        );

    [Fact]
    public void Measure_WrongLength_IsRefused() =>
        Assert.Throws<ArgumentException>(() => MouthOpeningMeter.Measure(new byte[10], 4, 4, new MouthRegion(new FacePoint(1, 1), 1, 0)));

    private static byte[][] Collect(SyntheticClip clip)
    {
        List<byte[]> frames = [];
        foreach (SyntheticFrame frame in clip.Frames())
        {
            using (frame)
            using (VideoFrame copy = frame.Frame.Clone())
            {
                frames.Add(copy.Rgb);
            }
        }
        return [.. frames];
    }
}
