using LatentSync.Foundation.Faults;
using LatentSync.Media.Audio;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;
using LatentSync.Media.Video.Writing;

namespace LatentSync.Media.Tests.Video;

/// <summary>"Truncated" is said of files that are cut off, and of no others.</summary>
[Trait("Category", "Integration")]
public sealed class TruncationCheckTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.ts")]
    [InlineData("a.avi", Traits = ["Category", "Slow"])]
    [InlineData("a.flv")]
    public async Task ReadAsync_CutVideo_IsSaid(string name)
    {
        await MakeAsync(name, 2, 2);
        Cut(name);
        VideoReader reader = await VideoReader.OpenAsync(_folder["cut-" + name], await Ffmpeg.RequireAsync());

        await FrameCode.ReadAllAsync(reader.ReadAsync());

        Assert.InRange(reader.TotalFrames!.Value, 10, 40);
        Assert.Contains(reader.Warnings, w => w.Contains("truncated or damaged", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a.mkv", 0.5, 2)] // the container is as long as its longest track
    [InlineData("a.flv", 0.5, 2, Traits = ["Category", "Slow"])]
    [InlineData("a.ts", 2, 0.5)]
    [InlineData("a.mkv", 2, 0.5)]
    public async Task ReadAsync_OneTrackEndsBeforeTheOther_IsNotSaid(string name, double picture, double sound)
    {
        await MakeAsync(name, picture, sound);

        Assert.Empty(await WarningsAsync(name));
    }

    [Theory]
    [InlineData("cut.mp4")]
    [InlineData("cut.mov", Traits = ["Category", "Slow"])]
    [InlineData("cut.mkv", Traits = ["Category", "Slow"])]
    [InlineData("cut.ts")]
    public async Task ReadAsync_PartCopiedWithoutEncoding_IsNotSaid(string name)
    {
        await MakeAsync("whole.mp4", 3, 3);
        await Ffmpeg.RunAsync("-ss", "2.1", "-i", _folder["whole.mp4"], "-t", "0.6", "-c", "copy", _folder[name]);

        Assert.Empty(await WarningsAsync(name));
    }

    [Theory]
    [InlineData("a.mp3")]
    [InlineData("a.flac", Traits = ["Category", "Slow"])]
    [InlineData("a.m4a")]
    public async Task ReadAsync_CutSpeech_IsSaidWithBothLengths(string name)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        await Ffmpeg.RunAsync("-f", "lavfi", "-i", "sine=300:r=16000:d=3", "-movflags", "+faststart", _folder[name]);
        Cut(name);
        DecodedSound whole = await AudioReader.ReadAsync(await MediaProbe.ProbeAsync(_folder[name], tools), tools);
        DecodedSound cut = await AudioReader.ReadAsync(await MediaProbe.ProbeAsync(_folder["cut-" + name], tools), tools);

        Assert.Empty(whole.Warnings);
        Assert.InRange(whole.Samples.Length, 47000, 50000);
        Assert.InRange(cut.Samples.Length, 4000, 30000); // FLAC stores a tone in blocks of very different sizes
        Assert.Matches("should have 3(\\.[01]\\d?)? s of sound, but only [01]\\.\\d+ s could be decoded", Assert.Single(cut.Warnings));
    }

    /// <summary>ffmpeg takes the length of these from the bytes that are there: the header alone tells.</summary>
    [Theory]
    [InlineData("a.wav", 0.4)]
    [InlineData("a.wav", 0.98)]
    [InlineData("a.w64", 0.4, Traits = ["Category", "Slow"])]
    [InlineData("a.caf", 0.4, Traits = ["Category", "Slow"])]
    [InlineData("rf64.wav", 0.4, "-rf64", "always")]
    [InlineData("24.wav", 0.4, "-c:a", "pcm_s24le")]
    public async Task ReadAsync_CutSoundWithoutAComplaint_IsSaidWithBothLengths(string name, double share, params string[] options)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        await Ffmpeg.RunAsync(["-f", "lavfi", "-i", "sine=300:r=16000:d=3", .. options, _folder[name]]);
        byte[] bytes = File.ReadAllBytes(_folder[name]);
        File.WriteAllBytes(_folder["cut-" + name], bytes[..(int)(bytes.Length * share)]);

        DecodedSound whole = await AudioReader.ReadAsync(await MediaProbe.ProbeAsync(_folder[name], tools), tools);
        MediaInfo info = await MediaProbe.ProbeAsync(_folder["cut-" + name], tools);
        DecodedSound cut = await AudioReader.ReadAsync(info, tools);
        DecodedSound begin = await AudioReader.ReadAsync(info, tools, take: TimeSpan.FromSeconds(1));

        Assert.Empty(whole.Warnings);
        Assert.Equal(48000, whole.Samples.Length);
        Assert.InRange(cut.Samples.Length / 48000.0, share - 0.01, share);
        Assert.Matches(@"should have 3\.0 s of sound, but only [12]\.\d+ s could be decoded", Assert.Single(cut.Warnings));
        Assert.Empty(begin.Warnings); // what was asked for is all there
    }

    [Fact]
    public async Task ReadAsync_WavWrittenToAPipe_HasNoLengthToCompare()
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        WavWriter.Write(_folder["a.wav"], new float[16000], 16000);
        byte[] bytes = File.ReadAllBytes(_folder["a.wav"]);
        foreach (int at in (int[])[4, 40])
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(at), 0x7FFFF000);
        }
        File.WriteAllBytes(_folder["a.wav"], bytes);

        DecodedSound sound = await AudioReader.ReadAsync(await MediaProbe.ProbeAsync(_folder["a.wav"], tools), tools);

        Assert.Equal(16000, sound.Samples.Length);
        Assert.Empty(sound.Warnings);
    }

    [Theory]
    [InlineData("speech.wav")] // is encoded
    [InlineData("speech.m4a")] // is copied
    public async Task CompleteAsync_SpeechShorterThanItWas_IsRefused(string name)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        await Ffmpeg.RunAsync("-f", "lavfi", "-i", "sine=300:r=16000:d=0.4", _folder[name]);
        var options = new VideoWriterOptions
        {
            OutputPath = _folder["out.mp4"],
            Width = 64,
            Height = 64,
            FrameRate = new Rational(25, 1),
            Color = VideoColor.Assumed(64),
            AudioPath = _folder[name],
            AudioSeconds = 1.2,
        };
        await using VideoWriter writer = await VideoWriter.CreateAsync(options, tools);
        for (int i = 0; i < 30; i++)
        {
            await writer.WriteAsync(new byte[3 * 64 * 64]);
        }

        MediaException error = await Assert.ThrowsAsync<MediaException>(writer.CompleteAsync);

        Assert.Contains("had 1.2 s at the start, but only 0.4", error.Message, StringComparison.Ordinal);
        Assert.Equal(FaultKind.Input, error.Kind);
        Assert.False(File.Exists(_folder["out.mp4"]));
    }

    /// <summary>Less than what stops a run is said.</summary>
    [Theory]
    [InlineData("out.mp4")] // is encoded
    [InlineData("out.mkv", Traits = ["Category", "Slow"])] // is copied
    public async Task CompleteAsync_SpeechALittleShorterThanItWas_IsSaid(string name)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        await Ffmpeg.RunAsync("-f", "lavfi", "-i", "sine=300:r=16000:d=1.1", _folder["speech.wav"]);
        var options = new VideoWriterOptions
        {
            OutputPath = _folder[name],
            Width = 64,
            Height = 64,
            FrameRate = new Rational(25, 1),
            Color = VideoColor.Assumed(64),
            AudioPath = _folder["speech.wav"],
            AudioSeconds = 1.2,
        };

        Assert.Contains(
            "had 1.2 s at the start, but only 1.1 s",
            Assert.Single((await WriteAsync(options, tools)).Notes, n => n.Contains("changed during", StringComparison.Ordinal)),
            StringComparison.Ordinal
        );
        Assert.DoesNotContain(
            (await WriteAsync(options with { AudioSeconds = 1.1 }, tools)).Notes,
            n => n.Contains("changed during", StringComparison.Ordinal)
        );
    }

    private static async Task<WrittenVideo> WriteAsync(VideoWriterOptions options, FfmpegTools tools)
    {
        await using VideoWriter writer = await VideoWriter.CreateAsync(options, tools);
        for (int i = 0; i < 30; i++)
        {
            await writer.WriteAsync(new byte[3 * 64 * 64]);
        }

        return await writer.CompleteAsync();
    }

    private async Task MakeAsync(string name, double picture, double sound)
    {
        string[] codecs = Path.GetExtension(name) is ".avi"
            ? ["-c:v", "mpeg4", "-c:a", "mp3"]
            : ["-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"];
        await Ffmpeg.RunAsync([
            "-f",
            "lavfi",
            "-i",
            FormattableString.Invariant($"testsrc2=s=96x64:r=25:d={picture}"),
            "-f",
            "lavfi",
            "-i",
            FormattableString.Invariant($"sine=300:r=44100:d={sound}"),
            .. codecs,
            _folder[name],
        ]);
    }

    private void Cut(string name)
    {
        byte[] bytes = File.ReadAllBytes(_folder[name]);
        File.WriteAllBytes(_folder["cut-" + name], bytes[..((bytes.Length * 2 / 5) | 1)]);
    }

    private async Task<IEnumerable<string>> WarningsAsync(string name)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        MediaSource source = await MediaSource.OpenAsync(_folder[name], _folder[name], tools);
        var reader = new VideoReader(source.Picture, tools, source.Timeline);
        await FrameCode.ReadAllAsync(reader.ReadAsync());
        DecodedSound sound = await AudioReader.ReadAsync(source.Sound, tools, timeline: source.Timeline);
        return [.. reader.Warnings, .. sound.Warnings];
    }
}
