using LatentSync.Media.Audio;
using LatentSync.Media.Tests.Video;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Tests.Audio;

/// <summary>Speech in several channels reaches the analysis, whatever the mix would make of it.</summary>
[Trait("Category", "Integration")]
public sealed class DownmixTests : IDisposable
{
    private const double Amplitude = 0.5;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A tone of amplitude 0.5 in each live channel.</summary>
    [Theory]
    [InlineData("stereo|c0=c0|c1=c0", 1.0, null)]
    [InlineData("stereo|c0=c0|c1=-1*c0", 1.0, "cancel each other")]
    [InlineData("stereo|c0=c0|c1=-0.8*c0", 1.0, "one channel drives the mouth (left)")]
    [InlineData("stereo|c0=-0.8*c0|c1=c0", 1.0, "one channel drives the mouth (right)")]
    [InlineData("stereo|c0=c0|c1=0*c0", 1.0, "in one channel only (left)")]
    [InlineData("stereo|c0=0*c0|c1=c0", 1.0, "in one channel only (right)")]
    [InlineData("quad|c0=0*c0|c1=c0|c2=0*c0|c3=0*c0", 1.0, "in one channel only (no. 2)")]
    [InlineData("stereo|c0=c0|c1=0.5*c0", 0.75, null)]
    public async Task ReadAsync_Channels_GiveTheSpeech(string pan, double level, string? note)
    {
        string file = _folder["speech.wav"];
        await Ffmpeg.RunAsync("-f", "lavfi", "-i", $"sine=f=300:r=16000:d=1.3,volume={Amplitude * 8},pan={pan}", "-c:a", "pcm_f32le", file);
        FfmpegTools tools = await Ffmpeg.RequireAsync();

        DecodedSound sound = await AudioReader.ReadAsync(await MediaProbe.ProbeAsync(file, tools), tools);

        double expected = level * Amplitude / Math.Sqrt(2);
        Assert.InRange(Math.Sqrt(sound.Samples.Select(s => (double)s * s).Average()), 0.97 * expected, 1.03 * expected);
        Assert.Empty(sound.Warnings);
        Assert.Equal(note is null ? 0 : 1, sound.Notes.Count);
        Assert.Contains(note ?? string.Empty, string.Join(' ', sound.Notes), StringComparison.Ordinal);
    }

    /// <summary>The second of three seconds cancels; the others stay ffmpeg's mix, bit for bit.</summary>
    [Fact]
    public async Task ReadAsync_StretchThatCancels_IsTheOnlyOneReplaced()
    {
        string file = _folder["speech.wav"],
            plain = _folder["plain.wav"];
        await Ffmpeg.RunAsync(
            "-f",
            "lavfi",
            "-i",
            "aevalsrc=0.4*sin(2*PI*300*t)|0.3*sin(2*PI*300*t)*(1-2*between(t\\,1\\,2)):s=16000:d=3",
            "-c:a",
            "pcm_s16le",
            file
        );
        await Ffmpeg.RunAsync("-i", file, "-ac", "1", "-c:a", "pcm_s16le", plain);
        FfmpegTools tools = await Ffmpeg.RequireAsync();

        DecodedSound sound = await AudioReader.ReadAsync(await MediaProbe.ProbeAsync(file, tools), tools);
        DecodedSound mix = await AudioReader.ReadAsync(await MediaProbe.ProbeAsync(plain, tools), tools);

        Assert.Equal(mix.Samples[..15_000], sound.Samples[..15_000]);
        Assert.Equal(mix.Samples[33_000..], sound.Samples[33_000..]);
        Assert.InRange(Math.Sqrt(sound.Samples[17_000..31_000].Select(s => (double)s * s).Average()), 0.27, 0.29);
        Assert.Contains("for about 1 s", Assert.Single(sound.Notes), StringComparison.Ordinal);
    }
}
