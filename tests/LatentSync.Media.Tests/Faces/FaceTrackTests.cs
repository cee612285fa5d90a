using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Tracking;

namespace LatentSync.Media.Tests.Faces;

public sealed class FaceTrackTests
{
    private static readonly FaceTrackOptions Unfiltered = new() { SmoothingReach = 0 };

    [Fact]
    public void Push_AnySequence_DecidesEveryFrameOnceInOrderWithinTheLookAhead()
    {
        var random = new Random(3);
        for (int trial = 0; trial < 200; trial++)
        {
            var track = new FaceTrack(new FaceTrackOptions { MaxGap = random.Next(6), SmoothingReach = random.Next(5) });
            var decided = new List<long>();
            int count = random.Next(1, 80);
            for (int i = 0; i < count; i++)
            {
                DetectedFace[] faces = random.Next(4) switch
                {
                    0 => [],
                    1 => [Face(random.Next(1000), 100)],
                    _ => [Face(300, 200), Face(700, 200)],
                };
                decided.AddRange(track.Push(i, faces).Select(frame => frame.FrameIndex));
                Assert.True(
                    i - decided.Count < track.MaxLookAhead,
                    $"trial {trial}: {decided.Count} decided at frame {i}, look-ahead {track.MaxLookAhead}"
                );
            }
            decided.AddRange(track.Complete().Select(frame => frame.FrameIndex));

            Assert.Equal(Enumerable.Range(0, count).Select(i => (long)i), decided);
        }
    }

    [Fact]
    public void Gap_UpToTheLimit_IsInterpolatedLinearly()
    {
        List<TrackedFrame> frames = Run(Unfiltered, i => i is > 4 and < 17 ? [] : [Face(300 + (2 * i), 200)], 30);

        Assert.All(frames, frame => Assert.NotNull(frame.Face));
        Assert.Equal(12, frames.Count(frame => frame.Face!.Interpolated));
        Assert.Equal(Face(300 + 20, 200).Points.Nose.X, frames[10].Face!.Points.Nose.X, 1e-9);
        Assert.Equal(0, frames[10].Face!.Score);
    }

    [Fact]
    public void Gap_BeyondTheLimit_StaysEmptyAndEndsTheSegment()
    {
        List<TrackedFrame> frames = Run(Unfiltered, i => i is > 4 and < 18 ? [] : [Face(300, 200)], 30);

        Assert.Equal(13, frames.Count(frame => frame.Face is null));
        Assert.Equal(0, frames[4].Face!.Segment);
        Assert.Equal(1, frames[18].Face!.Segment);
    }

    [Fact]
    public void Gap_AtStartAndEnd_IsNotInvented()
    {
        List<TrackedFrame> frames = Run(Unfiltered, i => i is < 3 or > 10 ? [] : [Face(300, 200)], 15);

        Assert.Equal([0L, 1, 2, 11, 12, 13, 14], frames.Where(frame => frame.Face is null).Select(frame => frame.FrameIndex));
    }

    [Fact]
    public void NoFaceAtAll_EveryFrameIsEmpty() => Assert.All(Run(new FaceTrackOptions(), _ => [], 40), frame => Assert.Null(frame.Face));

    [Fact]
    public void SingleFrame_WithAFace_HasIt() => Assert.NotNull(Assert.Single(Run(new FaceTrackOptions(), _ => [Face(300, 200)], 1)).Face);

    [Fact]
    public void Cut_ToAFaceElsewhere_StartsASegmentAndIsNotFilteredAcross()
    {
        List<TrackedFrame> frames = Run(new FaceTrackOptions(), i => [i < 20 ? Face(300, 200) : Face(900, 500)], 40);

        Assert.All(frames, frame => Assert.Equal(frame.FrameIndex < 20 ? 0 : 1, frame.Face!.Segment));
        Assert.All(
            frames,
            frame => Assert.Equal(Face(frame.FrameIndex < 20 ? 300 : 900, 200).Points.Nose.X, frame.Face!.Points.Nose.X, 1e-6)
        );
        Assert.All(frames, frame => Assert.False(frame.Face!.Interpolated));
    }

    [Fact]
    public void Cut_AfterAShortGap_LeavesTheGapEmpty()
    {
        List<TrackedFrame> frames = Run(Unfiltered, i => i is >= 20 and < 24 ? [] : [i < 20 ? Face(300, 200) : Face(900, 500)], 40);

        Assert.Equal([20L, 21, 22, 23], frames.Where(frame => frame.Face is null).Select(frame => frame.FrameIndex));
        Assert.Equal(1, frames[24].Face!.Segment);
    }

    [Fact]
    public void Outlier_OfOneFrame_IsReplacedByInterpolation()
    {
        List<TrackedFrame> frames = Run(Unfiltered, i => [i == 15 ? Face(900, 500) : Face(300, 200)], 30);

        Assert.True(frames[15].Face!.Interpolated);
        Assert.Equal(Face(300, 200).Points.Nose.X, frames[15].Face!.Points.Nose.X, 1e-9);
        Assert.All(frames, frame => Assert.Equal(0, frame.Face!.Segment));
    }

    [Fact]
    public void SeveralFaces_LargestFirst_ThenTheSameOne()
    {
        // the right face is larger at first, the left one later
        List<TrackedFrame> frames = Run(Unfiltered, i => [Face(300, 200, i < 5 ? 40 : 70), Face(900, 200, 60)], 20);

        Assert.All(frames, frame => Assert.True(frame.Face!.Points.Nose.X > 600));
    }

    [Fact]
    public void FaceIndex_CountsFromTheLeft()
    {
        var options = new FaceTrackOptions { SmoothingReach = 0, FaceIndex = 0 };

        List<TrackedFrame> frames = Run(options, _ => [Face(900, 200, 90), Face(300, 200, 40)], 5);

        Assert.All(frames, frame => Assert.True(frame.Face!.Points.Nose.X < 600));
        Assert.All(Run(options with { FaceIndex = 2 }, _ => [Face(900, 200), Face(300, 200)], 5), frame => Assert.Null(frame.Face));

        FaceTrack track = new(options with { FaceIndex = 5 });
        track.Push(0, [Face(900, 200)]);
        track.Push(1, [Face(900, 200), Face(300, 200)]);
        track.Push(2, []);
        Assert.Equal(2, track.MostFaces);
        Assert.Contains(
            "a.mp4 shows at most 2 faces at once: give FaceIndex 0 to 1 (counted from the left)",
            FaceTrackOptions.TooFewFaces(5, track.MostFaces, "a.mp4").ToString(),
            StringComparison.Ordinal
        );
        Assert.Contains("a.mp4 shows only one face", FaceTrackOptions.TooFewFaces(5, 1, "a.mp4").ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(49, 90, 0.9, false)]
    [InlineData(50, 80, 0.5, true)]
    [InlineData(60, 79, 0.9, false)]
    [InlineData(130, 80, 0.9, false)]
    [InlineData(60, 90, 0.49, false)]
    public void OriginalSizeRules_DropWhatTheOriginalDrops(int width, int height, double score, bool kept)
    {
        var face = new DetectedFace(new FaceBox(100, 100, 100 + width, 100 + height), score, Face(130, 140, 20).Points, true);

        TrackedFrame frame = Assert.Single(Run(new FaceTrackOptions { OriginalSizeRules = true }, _ => [face], 1));

        Assert.Equal(kept, frame.Face is not null);
    }

    [Fact]
    public void Filter_StillHead_RemovesMostOfTheTrembling()
    {
        var random = new Random(5);
        List<TrackedFrame> frames = Run(new FaceTrackOptions(), _ => [Shaken(Face(300, 200), random, 0.5)], 100);

        double before = 0.5,
            after = Rms(frames.Skip(6).SkipLast(6).Select(frame => frame.Face!.Points.Nose.X - Face(300, 200).Points.Nose.X));
        Assert.True(after < 0.7 * before, $"{after:F3} px of {before} px");
    }

    [Fact]
    public void Filter_SteadyMove_DoesNotLag()
    {
        List<TrackedFrame> frames = Run(new FaceTrackOptions(), i => [Face(300 + (5 * i), 200 + (2 * i))], 60);

        Assert.All(frames, frame => Assert.Equal(Face(300 + (5 * frame.FrameIndex), 200).Points.Nose.X, frame.Face!.Points.Nose.X, 1e-6));
    }

    [Fact]
    public void Filter_SuddenStop_IsNotSmearedOut()
    {
        // moves by 8 pixels a frame, then stands; the measurements themselves do not tremble
        static double At(long i) => 300 + (8 * Math.Min(i, 30));
        List<TrackedFrame> frames = Run(new FaceTrackOptions(), i => [Face(At(i), 200)], 60);

        double worst = frames.Max(frame => Math.Abs(frame.Face!.Points.Nose.X - Face(At(frame.FrameIndex), 200).Points.Nose.X));
        Assert.True(worst < 1, $"{worst:F2} px");
    }

    [Theory]
    [InlineData(-1, 6)]
    [InlineData(251, 6)]
    [InlineData(12, 26)]
    public void Constructor_OptionOutOfRange_Throws(int maxGap, int reach) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new FaceTrack(new FaceTrackOptions { MaxGap = maxGap, SmoothingReach = reach }));

    private static List<TrackedFrame> Run(FaceTrackOptions options, Func<int, DetectedFace[]> faces, int count)
    {
        var track = new FaceTrack(options);
        var frames = new List<TrackedFrame>();
        for (int i = 0; i < count; i++)
        {
            frames.AddRange(track.Push(i, faces(i)));
        }
        frames.AddRange(track.Complete());
        return frames;
    }

    private static DetectedFace Face(double x, double y, double eyes = 60)
    {
        AlignmentPoints points = FaceProportions.FromEyes(new(x - (eyes / 2), y), new(x + (eyes / 2), y));
        return new DetectedFace(FaceProportions.BoxAround(points), 0.9, points, true);
    }

    private static DetectedFace Shaken(DetectedFace face, Random random, double deviation)
    {
        AlignmentPoints p = face.Points;
        return face with { Points = new(p.LeftBrow + Noise(), p.RightBrow + Noise(), p.Nose + Noise()) };

        FacePoint Noise() => new(deviation * Normal(), deviation * Normal());
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }

    private static double Rms(IEnumerable<double> values) => Math.Sqrt(values.Average(v => v * v));
}
