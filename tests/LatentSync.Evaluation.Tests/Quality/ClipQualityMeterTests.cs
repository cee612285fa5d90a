using LatentSync.Evaluation.Quality;
using LatentSync.Media.Synthesis;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Evaluation.Tests.Quality;

/// <summary>On drawn frames, without an encoder between.</summary>
public sealed class ClipQualityMeterTests
{
    private static readonly SyntheticClip Person = Clip(11),
        Speech = Clip(12);
    private static readonly SyntheticFrame[] Input = [.. Person.Frames()];
    private static readonly VideoFrame[] Drawn = [.. Person.Frames(Speech.Articulation).Select(f => f.Frame)];

    [Fact]
    public void Complete_OutputIsTheDrawing_IsPerfect()
    {
        ClipQuality quality = Measure(i => Drawn[i]);
        Assert.True(quality.Correlation > 0.97, $"{quality.Correlation}");
        Assert.Equal((0, 1.0), (quality.OffsetFrames, quality.FlickerRatio));
        Assert.True(quality.Correlation > quality.CorrelationInput + 0.2 && quality.Correlation > quality.CorrelationUnrelated + 0.2);
    }

    [Fact]
    public void Complete_OutputIsTheInput_LeavesAllElseAlone()
    {
        ClipQuality quality = Measure(i => Input[i].Frame);
        Assert.Equal((SquaredErrorMeter.EqualDecibels, 1.0), (quality.PsnrOutsideMask, Math.Round(quality.SsimUpperFace, 9)));
        Assert.Equal(quality.CorrelationInput, quality.Correlation);
    }

    [Fact]
    public void Complete_MouthTooLate_IsTheOffset() => Assert.Equal(3, Measure(i => Drawn[Math.Max(i - 3, 0)]).OffsetFrames);

    [Fact]
    public void Complete_ChangeInsideTheMouth_IsNoneOutside()
    {
        ClipQuality quality = Measure(i =>
        {
            VideoFrame painted = Input[i].Frame.Clone();
            var mouth = Input[i].Landmarks.MouthCentre;
            for (int y = -3; y <= 3; y++)
            {
                painted.Rgb.AsSpan(3 * (((int)mouth.Y + y) * painted.Width + (int)mouth.X - 4), 24).Fill((byte)(i % 2 * 255));
            }
            return painted;
        });
        Assert.Equal((SquaredErrorMeter.EqualDecibels, 1.0), (quality.PsnrOutsideMask, Math.Round(quality.SsimUpperFace, 9)));
        Assert.True(quality.FlickerRatio > 1.5, $"{quality.FlickerRatio}");
    }

    private static ClipQuality Measure(Func<int, VideoFrame> output)
    {
        ClipQualityMeter meter = new([.. Input.Select(f => f.Landmarks)], Input.Length, 64);
        for (int i = 0; i < Input.Length; i++)
        {
            meter.Add(Input[i].Frame, output(i), Drawn[i]);
        }
        Assert.Equal(Input.Length, meter.OutputOpenings.Count);
        return meter.Complete(Speech.ImpliedOpenings(), Clip(13).ImpliedOpenings());
    }

    private static SyntheticClip Clip(long speech) =>
        SyntheticClip.Generate(
            new SyntheticClipOptions
            {
                Seed = 11,
                SpeechSeed = speech,
                DurationSeconds = 2,
                Width = 256,
                Height = 256,
            }
        );
}
