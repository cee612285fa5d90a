using LatentSync.Media.Audio;
using LatentSync.Media.Tests.Video;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Tests.Audio;

[Trait("Category", "Integration")]
public sealed class AudioReaderTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("clip_a", 48000)]
    [InlineData("clip_b", 21920)]
    public async Task ReadMonoAsync_GoldenWav_GivesItsSamplesExactly(string clip, int count)
    {
        float[] samples = await AudioReader.ReadMonoAsync(GoldenAudio.WavPath(clip), await Ffmpeg.RequireAsync());

        Assert.Equal(count, samples.Length);
        Assert.Equal(GoldenAudio.ReadWav(clip), samples);
    }

    [Fact]
    public async Task ReadMonoAsync_VideoWithStereoSound_IsMixedAndResampled()
    {
        await Ffmpeg.RunAsync([
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=64x48:r=25:d=2",
            "-f",
            "lavfi",
            "-i",
            "aevalsrc=0.5*sin(2*PI*440*t)|0.5*sin(2*PI*660*t):s=44100:d=2",
            .. Ffmpeg.Usual,
            "-c:a",
            "aac",
            "-b:a",
            "192k",
            _folder["a.mp4"],
        ]);

        float[] samples = await AudioReader.ReadMonoAsync(_folder["a.mp4"], await Ffmpeg.RequireAsync());

        Assert.InRange(samples.Length, 32000 - 400, 32000 + 1100);
        double rms = Math.Sqrt(samples.AsSpan(4000, 16000).ToArray().Average(s => (double)s * s));
        Assert.Equal(0.25, rms, 0.01); // half of each channel's sine
    }

    [Fact]
    public async Task ReadMonoAsync_NoSound_IsToldApart()
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        await Ffmpeg.RunAsync(["-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", .. Ffmpeg.Usual, _folder["silent.mp4"]]);
        WavWriter.Write(_folder["zero.wav"], [], 16000);
        File.WriteAllBytes(_folder["empty.wav"], []);
        File.WriteAllText(_folder["text.wav"], "no sound");

        await AssertFaultAsync("silent.mp4", MediaFault.NoAudio, tools);
        await AssertFaultAsync("zero.wav", MediaFault.TooShort, tools);
        await AssertFaultAsync("empty.wav", MediaFault.Empty, tools);
        await AssertFaultAsync("text.wav", MediaFault.Corrupt, tools);
        await AssertFaultAsync("missing.wav", MediaFault.Missing, tools);
    }

    [Fact]
    public async Task ReadMonoAsync_LongerThanAllowed_IsRefused()
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        WavWriter.Write(_folder["long.wav"], new float[16000 * 3], 16000);

        // A length that the header tells, and one that shows only on decoding.
        foreach (double seconds in (double[])[1.5, 2.5])
        {
            MediaException error = await Assert.ThrowsAnyAsync<MediaException>(() =>
                AudioReader.ReadMonoAsync(_folder["long.wav"], tools, maximumDuration: TimeSpan.FromSeconds(seconds))
            );
            Assert.Equal(MediaFault.OutOfBounds, error.Fault);
        }

        Assert.Equal(48000, (await AudioReader.ReadMonoAsync(_folder["long.wav"], tools, maximumDuration: TimeSpan.FromSeconds(3))).Length);
    }

    [Fact]
    public async Task ReadMonoAsync_TruncatedWav_GivesWhatIsThere()
    {
        WavWriter.Write(_folder["whole.wav"], new float[16000], 16000);
        File.WriteAllBytes(_folder["cut.wav"], File.ReadAllBytes(_folder["whole.wav"])[..(44 + 8001)]);

        Assert.Equal(4000, (await AudioReader.ReadMonoAsync(_folder["cut.wav"], await Ffmpeg.RequireAsync())).Length);
    }

    [Fact]
    public async Task ReadMonoAsync_Cancelled_Stops()
    {
        WavWriter.Write(_folder["a.wav"], new float[16000], 16000);
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        FfmpegTools tools = await Ffmpeg.RequireAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            AudioReader.ReadMonoAsync(_folder["a.wav"], tools, cancellationToken: cancellation.Token)
        );
    }

    private async Task AssertFaultAsync(string name, MediaFault fault, FfmpegTools tools)
    {
        MediaException error = await Assert.ThrowsAnyAsync<MediaException>(() => AudioReader.ReadMonoAsync(_folder[name], tools));
        Assert.Equal(fault, error.Fault);
        Assert.Contains(name, error.Message);
    }
}
