using LatentSync.Run;

namespace LatentSync.Tests.Run;

public sealed class SpeechActivityTests
{
    private const int SampleRate = 16000;
    private const int PerFrame = SampleRate / 25;

    [Fact]
    public void Weights_LongPause_FadesInsideThePause()
    {
        float[] weights = SpeechActivity.Weights(Signal((20, 0.3), (30, 0.0), (20, 0.3)), SampleRate, 70);

        Assert.All(weights[..20], w => Assert.Equal(1f, w));
        Assert.All(weights[50..], w => Assert.Equal(1f, w));
        Assert.Equal([0.8f, 0.6f, 0.4f, 0.2f, 0f], weights[20..25].Select(w => MathF.Round(w, 4)));
        Assert.Equal([0f, 0.2f, 0.4f, 0.6f, 0.8f], weights[45..50].Select(w => MathF.Round(w, 4)));
    }

    [Fact]
    public void Weights_ShortPause_StaysSpeech() =>
        Assert.All(SpeechActivity.Weights(Signal((20, 0.3), (9, 0.0), (20, 0.3)), SampleRate, 49), w => Assert.Equal(1f, w));

    [Fact]
    public void Weights_PauseAtTheEnds_HasNoFadeThere()
    {
        float[] weights = SpeechActivity.Weights(Signal((15, 0.0), (20, 0.3), (15, 0.0)), SampleRate, 50);

        Assert.Equal(0f, weights[0]);
        Assert.Equal(0f, weights[^1]);
        Assert.Equal(1f, weights[20]);
    }

    [Fact]
    public void Weights_FramesBeyondTheSamples_AreSilent() =>
        Assert.Equal(0f, SpeechActivity.Weights(Signal((20, 0.3)), SampleRate, 60)[^1]);

    private static float[] Signal(params (int Frames, double Amplitude)[] parts) =>
        [.. parts.SelectMany(p => Enumerable.Range(0, p.Frames * PerFrame).Select(i => (float)(p.Amplitude * Math.Sin(i * 0.2))))];
}
