using System.Text.Json;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Tracking;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Tests.Faces;

/// <summary>Detectors against points that something else measured on a clip of the user's: LATENTSYNC_TEST_FACE_CLIP is the video,
/// LATENTSYNC_TEST_FACE_POINTS its landmarks file of 68 points. Figures in docs/benchmarks/faces.</summary>
[Trait("Category", "Integration")]
public sealed class RealClipPointsTests
{
    [Theory]
    [InlineData("dlib", 0.04, 0.03)]
    [InlineData("haar", 0.055, 0.03)]
    public async Task Detect_RealClip_PointsAreCloseToTheReference(string name, double bound, double scaleBound)
    {
        string? clip = Environment.GetEnvironmentVariable("LATENTSYNC_TEST_FACE_CLIP");
        string? reference = Environment.GetEnvironmentVariable("LATENTSYNC_TEST_FACE_POINTS");
        Assert.SkipWhen(clip is null || reference is null, "LATENTSYNC_TEST_FACE_CLIP and LATENTSYNC_TEST_FACE_POINTS name no clip.");
        using IFaceDetector detector = Detectors.Open(name);
        Dictionary<long, FacePoint[]> right = Read(reference);
        var reader = await VideoReader.OpenAsync(clip, await FfmpegTools.LocateAsync(cancellationToken: Cancel), Cancel);
        PointErrors seen = new(),
            tracked = new();
        var track = new FaceTrack();
        await foreach (VideoFrame frame in reader.ReadRangeAsync(0, right.Keys.Max() + 1, Cancel))
        {
            IReadOnlyList<DetectedFace> faces = detector.Detect(frame);
            if (faces.MaxBy(face => face.Box.Area) is { } face)
            {
                Add(seen, right, frame.Index, face.Points);
            }
            Add(tracked, right, track.Push(frame.Index, faces));
            frame.Dispose();
        }
        Add(tracked, right, track.Complete());

        string figures = $"{name}, detector: {seen}\n{name}, track: {tracked}";
        TestContext.Current.TestOutputHelper?.WriteLine(figures);
        Assert.True(seen.Count >= 0.99 * right.Count, figures);
        Assert.True(tracked.Means.Max() <= bound && seen.Means.Max() <= bound, figures);
        Assert.True(Math.Abs(tracked.Scale - 1) <= scaleBound, figures);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static void Add(PointErrors to, Dictionary<long, FacePoint[]> right, IReadOnlyList<TrackedFrame> frames)
    {
        foreach (TrackedFrame frame in frames)
        {
            if (frame.Face is { } face)
            {
                Add(to, right, frame.FrameIndex, face.Points);
            }
        }
    }

    private static void Add(PointErrors to, Dictionary<long, FacePoint[]> right, long frame, AlignmentPoints points)
    {
        if (right.TryGetValue(frame, out FacePoint[]? reference))
        {
            double eyes = (FacePoint.Mean(reference.AsSpan(42, 6)) - FacePoint.Mean(reference.AsSpan(36, 6))).Length;
            to.Add(points, FaceProportions.From68(reference), eyes);
        }
    }

    private static Dictionary<long, FacePoint[]> Read(string path)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(path));
        return json
            .RootElement.GetProperty("frames")
            .EnumerateArray()
            .ToDictionary(
                entry => entry.GetProperty("frame").GetInt64(),
                entry =>
                    entry.GetProperty("points").EnumerateArray().Select(p => new FacePoint(p[0].GetDouble(), p[1].GetDouble())).ToArray()
            );
    }
}
