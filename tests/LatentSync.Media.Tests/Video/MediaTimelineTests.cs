using System.Globalization;
using LatentSync.Media.Audio;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;
using LatentSync.Media.Video.Writing;

namespace LatentSync.Media.Tests.Video;

/// <summary>A flash and a click that belong together stay together, on the way in and in the result.</summary>
[Trait("Category", "Integration")]
public sealed class MediaTimelineTests : IDisposable
{
    private const int FlashFrame = 20;
    private const double Frame = 1 / 25.0;
    private static readonly string[] H264 = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "2"];
    private static readonly string[] Aac = ["-c:a", "aac", "-b:a", "128k"];
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.mkv", 0.44, 0, Traits = ["Category", "Slow"])]
    [InlineData("a.ts", 0.44, 0)]
    [InlineData("a.mp4", 0, 0.4, Traits = ["Category", "Slow"])]
    [InlineData("a.webm", 0.32, 0, Traits = ["Category", "Slow"])]
    public Task OneFile_TracksThatBeginApart_StayTogether(string name, double picture, double sound) =>
        StayTogetherAsync(name, picture, sound);

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("a.mp4", 0.44, 0)]
    [InlineData("a.mov", 0.32, 0)]
    [InlineData("a.flv", 0.44, 0)]
    [InlineData("a.nut", 0.44, 0)]
    [InlineData("a.mpg", 0.44, 0)]
    [InlineData("a.mkv", 0, 0.4)]
    [InlineData("a.ts", 0, 0.4)]
    [InlineData("a.webm", 0, 0.4)]
    [InlineData("a.flv", 0, 0.4)]
    [InlineData("a.mov", 0, 0.73)]
    [InlineData("a.mpg", 0, 0.4)]
    [InlineData("a.avi", 0, 0)]
    [InlineData("a.mp4", 0, 0)]
    [InlineData("a.webm", 0, 0)]
    [InlineData("a.flv", 0, 0)]
    [InlineData("a.mkv", 2.52, 0)]
    [InlineData("a.mkv", 5.28, 5.01)]
    [InlineData("a.mkv", 5, 5.3)]
    [InlineData("a.mp4", 5, 5.3)]
    [InlineData("a.ts", 0.04, 0.03)]
    [InlineData("a.ts", 0, 0.79)]
    public Task OneFile_MoreTracksThatBeginApart_StayTogether(string name, double picture, double sound) =>
        StayTogetherAsync(name, picture, sound);

    [Theory]
    [InlineData("95443.2", 0.44, 0, Traits = ["Category", "Slow"])] // 33 bits of 90 kHz end at 95443.72 s
    [InlineData("95443.2", 0, 0.4, Traits = ["Category", "Slow"])]
    [InlineData("60000", 0.32, 0.01, Traits = ["Category", "Slow"])]
    public Task OneFile_TransportStreamWhoseTimeStampsWrapAround_StaysTogether(string start, double picture, double sound) =>
        StayTogetherAsync("wrap.ts", picture, sound, "-output_ts_offset", start);

    [Fact]
    public async Task MediaSource_OneFileUnderTwoNames_HasOneTimeline()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a right there");
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        await MakeAsync(_folder["a.mkv"], 0.44, 0, []);
        File.CreateSymbolicLink(_folder["link.mkv"], _folder["a.mkv"]);
        File.Copy(_folder["a.mkv"], _folder["copy.mkv"]);

        MediaSource link = await MediaSource.OpenAsync(_folder["a.mkv"], _folder["link.mkv"], tools);
        MediaSource copy = await MediaSource.OpenAsync(_folder["a.mkv"], _folder["copy.mkv"], tools);

        Assert.InRange(link.Timeline!.PictureStart.TotalSeconds, 0.4, 0.48);
        Assert.InRange(new VideoReader(link.Picture, tools, link.Timeline).LeadingFrames, 11, 12); // a codec's start-up samples come before zero
        Assert.Null(copy.Timeline); // both begin at zero
    }

    private async Task StayTogetherAsync(string name, double picture, double sound, params string[] muxing)
    {
        await MakeAsync(_folder[name], picture, sound, muxing);
        double expected = picture + (FlashFrame * Frame) - Math.Min(picture, sound);

        (double flash, double click) = await ReadAsync(_folder[name], "out.mp4");
        (double writtenFlash, double writtenClick) = await ReadAsync(_folder["out.mp4"], "again.mkv");

        Assert.Equal(expected, flash, 1.01 * Frame);
        Assert.Equal(flash, click, 0.75 * Frame);
        Assert.Equal(flash, writtenFlash, 0.001);
        Assert.Equal(click, writtenClick, 0.012);
        await RequireCommonStartAsync("out.mp4");
    }

    private async Task RequireCommonStartAsync(string name)
    {
        ProbeDocument document = await MediaProbe.CountPacketsAsync(_folder[name], await Ffmpeg.RequireAsync(), default);
        Assert.Equal(0, Seconds(document.Streams!.Single(s => s.CodecType == "video").StartTime), 0.001);
        Assert.True(Seconds(document.Streams!.Single(s => s.CodecType == "audio").StartTime) > -0.001);

        static double Seconds(string? text) => double.Parse(text!, CultureInfo.InvariantCulture);
    }

    /// <summary>A white frame and a click at the same moment, in tracks that begin at the given seconds.</summary>
    private static async Task MakeAsync(string path, double picture, double sound, string[] muxing)
    {
        double click = picture + (FlashFrame * Frame) - sound;
        string extension = Path.GetExtension(path);
        string[] codecs =
            extension is ".webm" ? ["-c:v", "libvpx", "-c:a", "libopus"]
            : extension is ".mpg" ? ["-c:v", "mpeg2video", "-bf", "2", "-b:v", "2M", "-c:a", "mp2"]
            : extension is ".avi" ? ["-c:v", "mpeg4", "-c:a", "libmp3lame"]
            : extension is ".mov" ? [.. H264, "-c:a", "pcm_s16le"]
            : [.. H264, .. Aac];
        string rate = extension is ".flv" ? "44100" : "48000";
        await Ffmpeg.RunAsync([
            "-f",
            "lavfi",
            "-i",
            "color=black:s=64x64:r=25:d=1.2",
            "-f",
            "lavfi",
            "-i",
            FormattableString.Invariant($"aevalsrc=if(between(t\\,{click}\\,{click + 0.004})\\,0.9\\,0):s={rate}:d={click + 0.4}"),
            "-filter_complex",
            FormattableString.Invariant(
                $"[0:v]drawbox=c=white:t=fill:enable='between(n,{FlashFrame},{FlashFrame})',setpts=PTS+{picture}/TB[v];[1:a]asetpts=PTS+{sound}/TB[a]"
            ),
            "-map",
            "[v]",
            "-map",
            "[a]",
            "-fps_mode",
            "passthrough",
            .. codecs,
            .. muxing,
            path,
        ]);
    }

    /// <summary>When the flash and the click are seen and heard in a file, which is then written anew.</summary>
    private async Task<(double Flash, double Click)> ReadAsync(string path, string output)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        MediaSource source = await MediaSource.OpenAsync(path, path, tools);
        DecodedSound sound = await AudioReader.ReadAsync(source.Sound, tools, timeline: source.Timeline);
        var reader = new VideoReader(source.Picture, tools, source.Timeline);
        await using VideoWriter writer = await VideoWriter.CreateAsync(
            VideoWriterOptions.Like(reader, _folder[output], path) with
            {
                AudioTimeline = source.Timeline,
                AudioSeconds = sound.Samples.Length / 16000.0,
                Preset = "ultrafast",
            },
            tools
        );
        double flash = -1;
        var sequence = new FrameSequence(reader, ExtendPolicy.Hold);
        await foreach (SequencedFrame frame in sequence.ReadAsync((long)Math.Ceiling(sound.Samples.Length / 16000.0 / Frame)))
        {
            flash = flash < 0 && frame.Frame.Rgb.Average(b => b) > 128 ? frame.OutputIndex * Frame : flash;
            await writer.WriteAsync(frame.Frame);
            frame.Frame.Dispose();
        }

        await writer.CompleteAsync();
        Assert.Empty(reader.Warnings.Concat(sound.Warnings));
        float loudest = sound.Samples.Max(Math.Abs);
        return (flash, Array.FindIndex(sound.Samples, s => Math.Abs(s) > loudest / 2) / 16000.0);
    }
}
