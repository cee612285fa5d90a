using System.Numerics;
using LatentSync.Media.Audio;

namespace LatentSync.Media.Tests.Audio;

public sealed class MfccFeaturesTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(399, 1)]
    [InlineData(400, 1)]
    [InlineData(401, 2)]
    [InlineData(560, 2)]
    [InlineData(4001, 24)]
    public void Compute_AnyLength_EqualsTheDefinition(int length, int frames)
    {
        float[] samples = Noise(length);

        Mfcc actual = MfccFeatures.Compute(samples);

        Assert.Equal(frames, actual.Frames);
        AssertClose(ByDefinition(samples), actual);
    }

    [Fact]
    public void Compute_Speech_EqualsTheDefinition()
    {
        float[] samples = GoldenAudio.ReadWav("clip_b")[..8000];

        AssertClose(ByDefinition(samples), MfccFeatures.Compute(samples));
    }

    [Fact]
    public void Compute_Silence_HasTheLogarithmOfTheSmallestNumber()
    {
        Mfcc actual = MfccFeatures.Compute(new float[1000]);

        for (int frame = 0; frame < actual.Frames; frame++)
        {
            Assert.Equal(Math.Log(double.BitIncrement(1) - 1), actual.Values[frame * 13], 1e-5);
            Assert.All(actual.Values.AsSpan((frame * 13) + 1, 12).ToArray(), v => Assert.Equal(0, v, 1e-4));
        }
    }

    [Fact]
    public void Compute_NoSamples_IsRefused() =>
        Assert.Equal(MediaFault.TooShort, Assert.Throws<MediaException>(() => MfccFeatures.Compute([])).Fault);

    internal static float[] Noise(int length)
    {
        var random = new Random(7);
        return [.. Enumerable.Range(0, length).Select(_ => (float)(random.NextDouble() * 2 - 1) * 0.3f)];
    }

    private static void AssertClose(double[] expected, Mfcc actual)
    {
        Assert.Equal(expected.Length, actual.Values.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(
                Math.Abs(expected[i] - actual.Values[i]) <= 1e-5 * (1 + Math.Abs(expected[i])),
                $"{i}: expected {expected[i]}, actual {actual.Values[i]}"
            );
        }
    }

    /// <summary>The steps written down one after the other, with whole arrays and the transform as a double sum.</summary>
    private static double[] ByDefinition(float[] samples)
    {
        double[] integers = [.. samples.Select(s => s * 32768.0)];
        double[] emphasised = [integers[0], .. integers.Skip(1).Zip(integers, (now, before) => now - 0.97 * before)];
        int frames = Math.Max(1, 1 + (int)Math.Ceiling((emphasised.Length - 400) / 160.0));
        double[] padded = [.. emphasised, .. new double[(frames - 1) * 160 + 400]];
        double[] corners =
        [
            .. Enumerable
                .Range(0, 28)
                .Select(i => Math.Floor(513 * 700 * (Math.Pow(10, 2595 * Math.Log10(1 + 8000 / 700.0) * i / 27 / 2595) - 1) / 16000)),
        ];
        List<double> result = [];
        for (int frame = 0; frame < frames; frame++)
        {
            double[] power = [.. Enumerable.Range(0, 257).Select(k => Square(padded.AsSpan(frame * 160, 400), k) / 512)];
            double[] logs = new double[26];
            for (int band = 0; band < 26; band++)
            {
                double sum = 0;
                for (int k = 0; k < power.Length; k++)
                {
                    (double a, double b, double c) = (corners[band], corners[band + 1], corners[band + 2]);
                    double weight =
                        k >= a && k < b ? (k - a) / (b - a)
                        : k >= b && k < c ? (c - k) / (c - b)
                        : 0;
                    sum += weight * power[k];
                }
                logs[band] = Math.Log(sum);
            }
            result.Add(Math.Log(power.Sum()));
            for (int c = 1; c < 13; c++)
            {
                double cepstrum =
                    Math.Sqrt(2 / 26.0) * Enumerable.Range(0, 26).Sum(n => logs[n] * Math.Cos(Math.PI * c * (2 * n + 1) / 52));
                result.Add((1 + 11 * Math.Sin(Math.PI * c / 22)) * cepstrum);
            }
        }
        return [.. result];
    }

    private static double Square(ReadOnlySpan<double> frame, int k)
    {
        Complex sum = 0;
        for (int n = 0; n < frame.Length; n++)
        {
            sum += frame[n] * Complex.FromPolarCoordinates(1, -2 * Math.PI * (k * n % 512) / 512);
        }
        return sum.Real * sum.Real + sum.Imaginary * sum.Imaginary;
    }
}
