using LatentSync.Media.Audio;
using LatentSync.Media.Tests.Video;
using LatentSync.Media.Video.Probing;

namespace LatentSync.Media.Tests.Audio;

public sealed class WavWriterTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Write_Pcm16_ReadsBackExactly()
    {
        float[] samples = [0, 0.5f, -0.5f, 1, -1, 2, -2, 1 / 32768f, 0.6f / 32768];
        WavWriter.Write(_folder["a.wav"], samples, 16000);

        float[] read = await AudioReader.ReadMonoAsync(_folder["a.wav"], await Ffmpeg.RequireAsync());

        Assert.Equal([0, 0.5f, -0.5f, 32767 / 32768f, -1, 32767 / 32768f, -1, 1 / 32768f, 1 / 32768f], read);
    }

    [Fact]
    public async Task Write_FloatStereo_IsWhatItsHeaderSays()
    {
        WavWriter.Write(_folder["a.wav"], new float[48000 * 2], 48000, 2, WavSampleFormat.Float32);

        AudioStreamInfo audio = (await MediaProbe.ProbeAsync(_folder["a.wav"], await Ffmpeg.RequireAsync())).RequireAudio();

        Assert.Equal(("pcm_f32le", 48000, 2), (audio.Codec, audio.SampleRate, audio.Channels));
        Assert.Equal(1, audio.Duration!.Value.TotalSeconds, 1e-6);
    }

    [Fact]
    public void Write_HalfAFrameOfChannels_IsRefusedAndLeavesNothing()
    {
        Assert.Throws<ArgumentException>(() => WavWriter.Write(_folder["a.wav"], new float[3], 16000, 2));
        Assert.Throws<MediaException>(() => WavWriter.Write(_folder.Path, new float[2], 16000));
        Assert.Empty(_folder.Names);
    }
}
