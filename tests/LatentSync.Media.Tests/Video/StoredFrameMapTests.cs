using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Tests.Video;

/// <summary>Frames at the constant rate and frames as they are stored.</summary>
public sealed class StoredFrameMapTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void StoredIndex_RepeatedLeftOutAndLateFrames_IsTheOneThatIsShown()
    {
        // At 10 per second: frames 1 and 2 fall on the same moment, frame 3 lasts for three, two are repeated before the begin.
        var map = StoredFrameMap.Of([0, 90_000, 140_000, 200_000, 500_000], new Rational(10, 1), 2);

        Assert.Equal([0, 0, 0, 2, 3, 3, 3, 4, 4], Enumerable.Range(0, 9).Select(i => map.StoredIndex(i)));
        Assert.Equal(5, map.Count);
    }

    [Fact]
    public void Of_TimesInTheMiddle_GoToTheLaterFrame() =>
        Assert.Equal([0, 1], Enumerable.Range(0, 2).Select(i => StoredFrameMap.Of([0, 16_666], new Rational(30, 1), 0).StoredIndex(i)));

    /// <summary>The picture of each frame tells its number in the recording; frames are missing there, and the map must count what is
    /// left.</summary>
    [Theory]
    [Trait("Category", "Integration")]
    [InlineData("vfr.mp4", "lt(n,10)+not(mod(n,2))")]
    [InlineData("vfr.mkv", "lt(n,10)+not(mod(n,2))")]
    [InlineData("jumps.mp4", "not(between(n,5,16))*not(between(n,20,22))")]
    public async Task MapStoredFramesAsync_VaryingRate_AgreesWithThePictures(string name, string kept)
    {
        await Ffmpeg.EncodeNumberedAsync(
            _folder[name],
            80,
            64,
            "30",
            40,
            ["-vf", $"select='{kept}'", "-fps_mode", "passthrough", .. Ffmpeg.Usual]
        );
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        VideoReader reader = await VideoReader.OpenAsync(_folder[name], tools);
        List<int> shown = await FrameCode.ReadAllAsync(reader.ReadAsync());
        int[] stored = [.. shown.Distinct().Order()];

        StoredFrameMap map = await reader.MapStoredFramesAsync(CancellationToken.None);

        Assert.Equal(stored.Length, map.Count);
        Assert.Equal(shown, Enumerable.Range(0, shown.Count).Select(i => stored[map.StoredIndex(i)]));
    }

    [Fact]
    [Trait("Category", "Integration")]
    public async Task PrepareAsync_FileThatCountsStoredFrames_GivesEachFrameItsOwnFace()
    {
        await Ffmpeg.EncodeNumberedAsync(
            _folder["vfr.mp4"],
            80,
            64,
            "30",
            40,
            ["-vf", "select='lt(n,10)+not(mod(n,2))'", "-fps_mode", "passthrough", .. Ffmpeg.Usual]
        );
        VideoReader reader = await VideoReader.OpenAsync(_folder["vfr.mp4"], await Ffmpeg.RequireAsync());
        int[] stored = [.. Enumerable.Range(0, 40).Where(n => n < 10 || n % 2 == 0)];
        // The nose lies at the number of the recording's frame.
        IEnumerable<string> entries = stored.Select(
            (number, i) => FormattableString.Invariant($"{{\"frame\": {i}, \"points\": [[10,20],[30,20],[{number}.5,40]]}}")
        );
        using var counted = new LandmarksFileDetector(
            Write($"{{\"version\": 1, \"frameNumbers\": \"stored\", \"frames\": [{string.Join(',', entries)}]}}")
        );
        using var plain = new LandmarksFileDetector(Write($"{{\"version\": 1, \"frames\": [{string.Join(',', entries)}]}}"));
        using var read = new LandmarksFileDetector(
            Write($"{{\"version\": 1, \"frameNumbers\": \"read\", \"frames\": [{string.Join(',', entries)}]}}")
        );

        Assert.Throws<InvalidOperationException>(() => counted.Detect(new VideoFrame(1, 1, new byte[3], 0)));
        Assert.Null(await counted.PrepareAsync(reader));
        Assert.Contains("\"frameNumbers\": \"stored\"", await plain.PrepareAsync(reader), StringComparison.Ordinal);
        Assert.Null(await read.PrepareAsync(reader));
        int frames = 0;
        await foreach (VideoFrame frame in reader.ReadAsync())
        {
            using (frame)
            {
                Assert.Equal(FrameCode.Read(frame) + 0.5, Assert.Single(counted.Detect(frame)).Points.Nose.X);
                frames++;
            }
        }

        Assert.InRange(frames, 39, 40);
    }

    /// <summary>Of any container and rate: the note is for the others.</summary>
    [Theory]
    [Trait("Category", "Integration")]
    [InlineData("even.mp4", "25", true)]
    [InlineData("even.mkv", "30000/1001", true)]
    [InlineData("even.webm", "24", true)]
    [InlineData("even.ts", "50", true)]
    [InlineData("even.avi", "25", true)]
    [InlineData("vfr.mkv", "30", false)]
    [InlineData("slides.mp4", "5", false)]
    public async Task PrepareAsync_FileThatDoesNotSay_IsOnlyNotedWhereItMatters(string name, string rate, bool isEven)
    {
        string[] filter = name.StartsWith("vfr", StringComparison.Ordinal)
            ? ["-vf", "select='lt(n,10)+not(mod(n,2))'", "-fps_mode", "passthrough"]
            : [];
        string[] codec = name.EndsWith(".webm", StringComparison.Ordinal) ? ["-c:v", "libvpx", "-b:v", "1M"] : Ffmpeg.Usual;
        await Ffmpeg.EncodeNumberedAsync(_folder[name], 80, 64, rate, 40, [.. filter, .. codec]);
        VideoReader reader = await VideoReader.OpenAsync(_folder[name], await Ffmpeg.RequireAsync());
        using var plain = new LandmarksFileDetector(
            Write("""{"version": 1, "frames": [{"frame": 0, "points": [[10,20],[30,20],[20,40]]}]}""")
        );

        Assert.Equal(isEven, await plain.PrepareAsync(reader) is null);
    }

    private string Write(string json)
    {
        string path = _folder[Guid.NewGuid().ToString("N") + ".json"];
        File.WriteAllText(path, json);
        return path;
    }
}
