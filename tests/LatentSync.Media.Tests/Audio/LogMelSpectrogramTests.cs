using LatentSync.Media.Audio;

namespace LatentSync.Media.Tests.Audio;

public sealed class LogMelSpectrogramTests
{
    [Theory]
    [InlineData("clip_a")]
    [InlineData("clip_b")]
    public void Compute_GoldenClip_EqualsTheOriginal(string clip)
    {
        (float[] expected, int[] shape) = GoldenAudio.ReadTensor(clip + ".log_mel");

        LogMel actual = LogMelSpectrogram.Compute(GoldenAudio.ReadWav(clip));

        Assert.Equal((shape[0], shape[1]), (LogMel.Bands, actual.Frames));
        Assert.Equal(expected.Length, actual.Values.Length);
        double tolerance = GoldenAudio.LogMelTolerance();
        int worst = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            worst = Math.Abs(expected[i] - actual.Values[i]) > Math.Abs(expected[worst] - actual.Values[worst]) ? i : worst;
        }

        double error = Math.Abs(expected[worst] - actual.Values[worst]);
        Assert.True(
            error <= tolerance,
            $"worst at {worst}: expected {expected[worst]}, actual {actual.Values[worst]}, error {error} > {tolerance}"
        );
    }

    [Theory]
    [InlineData(201)]
    [InlineData(319)]
    [InlineData(320)]
    [InlineData(1600)]
    [InlineData(5003)]
    [InlineData(16001)]
    public void Compute_AnyLength_EqualsTheDefinition(int length)
    {
        float[] samples = Noise(length);

        LogMel actual = LogMelSpectrogram.Compute(samples);

        Assert.Equal(length / 160, actual.Frames);
        double[] expected = ByDefinition(samples);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual.Values[i]) < 1e-5, $"{i}: {expected[i]} against {actual.Values[i]}");
        }
    }

    [Fact]
    public void Compute_Silence_IsTheFloorEverywhere()
    {
        LogMel actual = LogMelSpectrogram.Compute(new float[16000]);

        Assert.All(actual.Values, v => Assert.Equal((-10f + 4) / 4, v));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(200)]
    public void Compute_TooFewSamples_IsRefusedWithTheNumberThatIsNeeded(int length)
    {
        MediaException error = Assert.Throws<MediaException>(() => LogMelSpectrogram.Compute(new float[length]));

        Assert.Equal(MediaFault.TooShort, error.Fault);
        Assert.Contains("201", error.Message);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Compute_SampleThatIsNoNumber_IsRefused(float sample)
    {
        float[] samples = Noise(1000);
        samples[777] = sample;

        MediaException error = Assert.Throws<MediaException>(() => LogMelSpectrogram.Compute(samples));

        Assert.Equal(MediaFault.OutOfBounds, error.Fault);
        Assert.Contains("777", error.Message);
    }

    private static float[] Noise(int length)
    {
        var random = new Random(7);
        return [.. Enumerable.Range(0, length).Select(_ => (float)(random.NextDouble() * 2 - 1) * 0.3f)];
    }

    /// <summary>The formulas of the spectrogram written down literally, with the transform as a double sum.</summary>
    private static double[] ByDefinition(float[] samples)
    {
        int frames = samples.Length / 160;
        var filters = new MelFilterBank(16000, 400, 80, 0, 8000);
        var result = new double[80 * frames];
        for (int frame = 0; frame < frames; frame++)
        {
            var power = new double[201];
            for (int k = 0; k < power.Length; k++)
            {
                System.Numerics.Complex sum = 0;
                for (int n = 0; n < 400; n++)
                {
                    int at = Math.Abs(frame * 160 + n - 200);
                    at = at >= samples.Length ? 2 * (samples.Length - 1) - at : at;
                    double window = 0.5 - 0.5 * Math.Cos(2 * Math.PI * n / 400);
                    sum += samples[at] * window * System.Numerics.Complex.FromPolarCoordinates(1, -2 * Math.PI * k * n / 400);
                }

                power[k] = sum.Real * sum.Real + sum.Imaginary * sum.Imaginary;
            }

            for (int band = 0; band < 80; band++)
            {
                double mel = 0;
                for (int i = 0; i < filters.Weights(band).Length; i++)
                {
                    mel += power[filters.FirstBin(band) + i] * filters.Weights(band)[i];
                }

                result[band * frames + frame] = Math.Log10(Math.Max(mel, 1e-10));
            }
        }

        double floor = result.Max() - 8;
        return [.. result.Select(v => (Math.Max(v, floor) + 4) / 4)];
    }
}
