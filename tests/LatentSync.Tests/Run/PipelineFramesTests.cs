using LatentSync.Media.Audio;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;
using LatentSync.Testing;

namespace LatentSync.Tests.Run;

/// <summary>Which frames come out, and how faithful: runs with the network's output replaced by its input.</summary>
[Collection(PipelineRuns.Name)]
[Trait("Category", "Integration")]
public sealed class PipelineFramesTests(PipelineFixture fixture) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Out => _folder.File("out.mp4");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Identity_DrawnSpeaker_ReproducesTheFaceWithin40Decibels()
    {
        await Clips.RequireToolsAsync();
        // Without the encoder's loss, which alone takes a clip this small to 40 dB at the default quality.
        SyncReport report = await RunAsync(fixture.Identity(Out) with { Resolution = 256, Crf = 0 });
        List<byte[]> source = await Clips.DecodeAsync(fixture.Talk),
            result = await Clips.DecodeAsync(Out);

        Assert.Equal(20, report.Frames);
        Assert.Equal((20, 0), (report.FacesFound, report.FacesInterpolated));
        Assert.Equal("none", report.Device);
        Assert.Equal(20, result.Count);
        double[] decibels = [.. result.Select((frame, i) => Clips.Psnr(source[i], frame, PipelineFixture.Side, (32, 24, 128, 156)))];
        Assert.True(decibels.Min() >= 40, $"face region: {decibels.Min():0.0} dB at worst");
    }

    [Fact]
    public async Task Run_FaceMissingForLong_PassesThroughAndIsReported()
    {
        await Clips.RequireToolsAsync();
        // Frames 3 to 17 have no face: 15 are too many to interpolate.
        int[] withFace = [0, 1, 2, 18, 19];
        SyncOptions options = Quick("out.mp4") with { PreviewSeconds = null, LandmarksPath = Landmarks(withFace) };
        SyncReport report = await RunAsync(options with { VideoPath = await BarsAsync(20, new Rational(25, 1)) });
        List<byte[]> source = await Clips.DecodeAsync(_folder.File("bars.mp4")),
            result = await Clips.DecodeAsync(Out);

        TimeRange range = Assert.Single(report.WithoutFace);
        Assert.Equal((3 / 25.0, 18 / 25.0), (range.StartSeconds, range.EndSeconds));
        Assert.Equal((5, 0, 5), (report.FacesFound, report.FacesInterpolated, report.NetworkFrames));
        Assert.Equal(20, result.Count);
        for (int i = 0; i < 20; i++)
        {
            double decibels = Clips.Psnr(source[i], result[i], 160, (40, 20, 120, 150));
            Assert.True(withFace.Contains(i) ? decibels < 30 : decibels > 40, $"frame {i}: {decibels:0.0} dB");
        }
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_FaceMissingForShort_IsInterpolated()
    {
        await Clips.RequireToolsAsync();
        string video = await BarsAsync(20, new Rational(25, 1));
        SyncReport report = await RunAsync(Identity(video, [0, 1, 2, 15, 16, 17, 18, 19])); // 3..14: twelve frames

        Assert.Empty(report.WithoutFace);
        Assert.Equal((8, 12, 20), (report.FacesFound, report.FacesInterpolated, report.NetworkFrames));
    }

    [Fact]
    public async Task Run_SpeechLongerThanTheVideo_FramesGoToAndFro()
    {
        await Clips.RequireToolsAsync();
        string video = await BarsAsync(8, new Rational(25, 1));
        SyncReport report = await RunAsync(Identity(video, Enumerable.Range(0, 8)));

        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 3, 2, 1, 0, 0, 1, 2, 3], await NumbersAsync());
        Assert.Equal(20, report.NetworkFrames);
        Assert.Contains(
            report.Warnings,
            w => w.Contains("shorter than the speech (20 frames): it plays backwards, then forwards again", StringComparison.Ordinal)
        );
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("loop", new[] { 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3 })]
    [InlineData("hold", new[] { 0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7 })]
    public Task Run_MoreOtherWaysToExtend_FramesComeInThatOrder(string mode, int[] expected) =>
        Run_OtherWaysToExtend_FramesComeInThatOrder(mode, expected);

    [Theory]
    [InlineData("stop", new[] { 0, 1, 2, 3, 4, 5, 6, 7 }, Traits = ["Category", "Slow"])]
    public async Task Run_OtherWaysToExtend_FramesComeInThatOrder(string mode, int[] expected)
    {
        await Clips.RequireToolsAsync();
        string video = await BarsAsync(8, new Rational(25, 1));
        SyncReport report = await RunAsync(Identity(video, Enumerable.Range(0, 8)) with { Extend = mode });

        Assert.Equal(expected, await NumbersAsync());
        Assert.Equal(expected.Length, report.Frames);
    }

    [Fact]
    public async Task Run_VideoLongerThanTheSpeech_EndsWithTheSpeech()
    {
        await Clips.RequireToolsAsync();
        string video = await BarsAsync(60, new Rational(25, 1));
        SyncReport report = await RunAsync(Identity(video, Enumerable.Range(0, 60)));

        Assert.Equal(Enumerable.Range(0, 20), await NumbersAsync());
        Assert.Equal(0.8, report.DurationSeconds, 3);
        Assert.DoesNotContain(report.Warnings, w => w.Contains("shorter", StringComparison.Ordinal));
        Assert.Contains("The result ends with the speech, after 0.8 s: the last 1.6 s of the video are left out.", report.Warnings);
        SyncReport preview = await RunAsync(Identity(video, Enumerable.Range(0, 60)) with { PreviewSeconds = 0.2 });
        Assert.DoesNotContain(preview.Warnings, w => w.Contains("left out", StringComparison.Ordinal)); // as asked for
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(30000, 1001, 24)]
    [InlineData(10, 1, 8)]
    public Task Run_MoreOtherFrameRates_RateAndCountAreKept(int numerator, int denominator, int frames) =>
        Run_OtherFrameRates_RateAndCountAreKept(numerator, denominator, frames);

    [Theory]
    [InlineData(50, 1, 40, Traits = ["Category", "Slow"])]
    [InlineData(24000, 1001, 20)]
    public async Task Run_OtherFrameRates_RateAndCountAreKept(int numerator, int denominator, int frames)
    {
        await Clips.RequireToolsAsync();
        Rational rate = new(numerator, denominator);
        string video = await BarsAsync(60, rate);
        SyncReport report = await RunAsync(Identity(video, Enumerable.Range(0, 60)));
        VideoReader reader = await VideoReader.OpenAsync(Out, await Clips.RequireToolsAsync());

        Assert.Equal(rate, reader.FrameRate);
        Assert.Equal(Enumerable.Range(0, frames), await NumbersAsync());
        Assert.Equal(frames, report.Frames);
        Assert.Equal(20, report.NetworkFrames);
        Assert.Equal(rate.ToDouble(), report.FrameRate, 6);
        Assert.Contains("25 fps", report.FrameMapping, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_TransparentVideo_ShowsTheMatteColourAndSaysSo()
    {
        await Clips.RequireToolsAsync();
        string video = _folder.File("cut.mov");
        await Clips.FfmpegAsync(
            "-f",
            "lavfi",
            "-i",
            "color=red:s=160x160:r=25:d=0.4",
            "-vf",
            "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(Y,16),0,255)'",
            "-c:v",
            "qtrle",
            video
        );
        SyncReport report = await RunAsync(Identity(video, Enumerable.Range(0, 10)) with { PreviewSeconds = 0.4, MatteColour = "#00c000" });
        byte[] frame = (await Clips.DecodeAsync(Out))[0];

        Assert.Contains(report.Warnings, w => w.Contains("#00c000", StringComparison.Ordinal));
        Assert.InRange(frame[1 + (3 * ((4 * 160) + 80))], 180, 204);
        Assert.InRange(frame[3 * ((150 * 160) + 5)], 240, 255);
    }

    [Fact]
    public async Task Run_SpeechTrack_IsTheGivenFilesAndAsLong()
    {
        FfmpegTools tools = await Clips.RequireToolsAsync();
        await RunAsync(fixture.Identity(Out));
        float[] given = await AudioReader.ReadMonoAsync(fixture.SpeechFile, tools),
            written = await AudioReader.ReadMonoAsync(Out, tools);

        Assert.InRange(written.Length, given.Length - 1600, given.Length + 1600);
        double error = 0,
            energy = 0;
        for (int i = 0; i < Math.Min(given.Length, written.Length); i++)
        {
            error += Math.Pow(given[i] - written[i], 2);
            energy += Math.Pow(given[i], 2);
        }
        Assert.True(
            error < 0.05 * energy,
            $"the speech comes back with an error of {100 * error / energy:0.0} % of its energy: shifted or not the same sound"
        );
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_OneFrameVideo_StandsStill()
    {
        await Clips.RequireToolsAsync();
        string video = await BarsAsync(1, new Rational(25, 1));
        SyncReport report = await RunAsync(Quick("out.mp4") with { VideoPath = video, LandmarksPath = Landmarks([0]) });

        Assert.Equal([0, 0, 0, 0, 0], await NumbersAsync());
        Assert.Equal((1, 5), (report.FacesFound, report.NetworkFrames));
    }

    [Fact]
    public async Task Run_StillPicture_Speaks()
    {
        await Clips.RequireToolsAsync();
        await BarsAsync(1, new Rational(25, 1));
        await Clips.FfmpegAsync("-i", _folder.File("bars.mp4"), "-frames:v", "1", _folder.File("still.png"));
        SyncReport report = await RunAsync(Quick("out.mp4") with { VideoPath = _folder.File("still.png"), LandmarksPath = Landmarks([0]) });

        Assert.Equal((5, 25.0), (report.Frames, report.FrameRate));
        Assert.Equal(5, (await Clips.DecodeAsync(Out)).Count);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_NamesWithBlanksQuotesAndOtherScripts_Work()
    {
        await Clips.RequireToolsAsync();
        string folder = _folder.File("a 'b' \"c\" %d été 中文");
        Directory.CreateDirectory(folder);
        string In(string name) => Path.Combine(folder, name);
        File.Copy(fixture.Talk, In("-in 1.mp4"));
        File.Copy(fixture.SpeechFile, In("sp:eech.wav"));
        File.Copy(fixture.Landmarks, In("land marks.json"));
        string output = In("o'ut é.mp4");
        SyncReport report = await RunAsync(
            fixture.Identity(output) with
            {
                VideoPath = In("-in 1.mp4"),
                AudioPath = In("sp:eech.wav"),
                LandmarksPath = In("land marks.json"),
            }
        );

        Assert.Equal(output, report.OutputPath);
        Assert.Equal(20, (await Clips.DecodeAsync(output)).Count);
        Assert.Equal(4, Directory.GetFileSystemEntries(folder).Length);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_OutputFolderMissing_IsMade()
    {
        await Clips.RequireToolsAsync();
        string output = _folder.File("new/deeper/out.mp4");
        await RunAsync(fixture.Identity(output) with { PreviewSeconds = 0.2 });

        Assert.Equal(["out.mp4"], Directory.GetFileSystemEntries(_folder.File("new/deeper")).Select(Path.GetFileName));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_OneHourOfSpeechWithPreview_UsesItsStart()
    {
        await Clips.RequireToolsAsync();
        await Clips.FfmpegAsync(
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=220:sample_rate=8000:duration=3600",
            "-c:a",
            "pcm_u8",
            _folder.File("hour.wav")
        );
        SyncReport report = await RunAsync(Quick("out.mp4") with { AudioPath = _folder.File("hour.wav") });

        Assert.Equal(5, report.Frames);
        Assert.Equal(0.2, report.DurationSeconds, 3);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_LongSpeechOnAShortClip_MemoryStaysBounded()
    {
        await Clips.RequireToolsAsync();
        await Clips.WriteToneAsync(_folder.File("long.wav"), 240);
        string video = await BarsAsync(20, new Rational(25, 1));
        long most = 0,
            before = GC.GetTotalMemory(forceFullCollection: true);
        ImmediateSyncProgress progress = new(p =>
        {
            if (p.Stage == SyncStage.Write && p.Done % 250 == 0)
            {
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true));
            }
        });
        SyncOptions options = Identity(video, Enumerable.Range(0, 20)) with { AudioPath = _folder.File("long.wav") };
        SyncReport report = await fixture.Pipeline.RunAsync(options, progress);

        Assert.Equal(6000, report.Frames);
        // 15 MB are the speech, some more the frames under way; all 6000 frames would be 460 MB.
        Assert.True(most - before < 100L << 20, $"{(most - before) >> 20} MiB were held");
    }

    private async Task<string> BarsAsync(int frames, Rational rate)
    {
        string path = _folder.File("bars.mp4");
        await Clips.WriteBarsAsync(path, frames, rate);
        return path;
    }

    private string Landmarks(IEnumerable<int> frames) => Clips.WriteLandmarks(_folder.File("faces.json"), frames);

    private SyncOptions Quick(string name) => fixture.Quick(_folder.File(name));

    private SyncOptions Identity(string video, IEnumerable<int> faces) =>
        fixture.Identity(Out) with
        {
            VideoPath = video,
            LandmarksPath = Landmarks(faces),
        };

    private Task<SyncReport> RunAsync(SyncOptions options) => fixture.Pipeline.RunAsync(options);

    private async Task<IEnumerable<int>> NumbersAsync() => (await Clips.DecodeAsync(Out)).Select(Clips.ReadNumber);
}
