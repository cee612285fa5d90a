using System.Numerics;
using LatentSync.Media.Audio;

namespace LatentSync.Media.Tests.Audio;

public sealed class SyncNetMelSpectrogramTests
{
    [Theory]
    [InlineData("clip_a")]
    [InlineData("clip_b")]
    public void Compute_GoldenClip_EqualsTheOriginal(string clip)
    {
        (float[] expected, int[] shape) = GoldenAudio.ReadTensor($"mel.{clip}", "syncnet");

        SyncNetMel actual = SyncNetMelSpectrogram.Compute(GoldenAudio.ReadWav(clip));

        Assert.Equal((shape[0], shape[1]), (SyncNetMel.Bands, actual.Columns));
        Assert.InRange(GoldenAudio.Tolerance("mel", "syncnet"), 1e-5, 1e-2);
        AssertClose(expected, actual.Values, 1e-5); // the manifest allows 1e-3
    }

    [Theory]
    [InlineData(1)]
    [InlineData(199)]
    [InlineData(200)]
    [InlineData(3001)]
    public void Compute_AnyLength_EqualsTheDefinition(int length)
    {
        float[] samples = MfccFeaturesTests.Noise(length);

        SyncNetMel actual = SyncNetMelSpectrogram.Compute(samples);

        Assert.Equal(1 + length / 200, actual.Columns);
        AssertClose(ByDefinition(samples), actual.Values, 1e-5);
    }

    [Fact]
    public void Compute_Silence_IsTheFloorEverywhere()
    {
        SyncNetMel actual = SyncNetMelSpectrogram.Compute(new float[16000]);

        Assert.All(actual.Values, v => Assert.Equal(-4f, v));
    }

    [Fact]
    public void Compute_NoSamplesOrNoNumbers_IsRefused()
    {
        Assert.Equal(MediaFault.TooShort, Assert.Throws<MediaException>(() => SyncNetMelSpectrogram.Compute([])).Fault);
        MediaException error = Assert.Throws<MediaException>(() => SyncNetMelSpectrogram.Compute([0, 1, float.NaN]));
        Assert.Equal(MediaFault.OutOfBounds, error.Fault);
        Assert.Contains("Sample 2", error.Message);
    }

    [Fact]
    public void TryCopyWindow_AtTheEnd_IsRefusedWhereTheRecordingEnds()
    {
        SyncNetMel mel = new([.. Enumerable.Range(0, 80 * 60).Select(i => (float)i)], 60);
        float[] window = new float[80 * 52];

        Assert.True(mel.TryCopyWindow(8, 52, window));
        Assert.Equal((8f, 59f, 60 + 8f), (window[0], window[51], window[52]));
        Assert.False(mel.TryCopyWindow(9, 52, window));
        Assert.False(mel.TryCopyWindow(-1, 52, window));
        Assert.Throws<ArgumentException>(() => mel.TryCopyWindow(0, 51, window));
    }

    private static double[] ByDefinition(float[] samples)
    {
        int columns = 1 + samples.Length / 200;
        var filters = new MelFilterBank(16000, 800, 80, 55, 7600);
        var result = new double[80 * columns];
        double At(long n) => n < 0 || n >= samples.Length ? 0 : samples[n] - (n == 0 ? 0 : 0.97 * samples[n - 1]);
        for (int column = 0; column < columns; column++)
        {
            var magnitude = new double[401];
            for (int k = 0; k < magnitude.Length; k++)
            {
                Complex sum = 0;
                for (int n = 0; n < 800; n++)
                {
                    double window = 0.5 - 0.5 * Math.Cos(2 * Math.PI * n / 800);
                    sum += At(column * 200 + n - 400) * window * Complex.FromPolarCoordinates(1, -2 * Math.PI * (k * n % 800) / 800);
                }
                magnitude[k] = sum.Magnitude;
            }
            for (int band = 0; band < 80; band++)
            {
                double mel = 0;
                for (int i = 0; i < filters.Weights(band).Length; i++)
                {
                    mel += magnitude[filters.FirstBin(band) + i] * filters.Weights(band)[i];
                }
                double level = 20 * Math.Log10(Math.Max(1e-5, mel)) - 20;
                result[band * columns + column] = Math.Clamp(8 * (level + 100) / 100 - 4, -4, 4);
            }
        }
        return result;
    }

    private static void AssertClose<T>(T[] expected, float[] actual, double tolerance)
        where T : INumber<T>
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            double wanted = double.CreateChecked(expected[i]);
            Assert.True(Math.Abs(wanted - actual[i]) <= tolerance, $"{i}: expected {wanted}, actual {actual[i]}");
        }
    }
}
