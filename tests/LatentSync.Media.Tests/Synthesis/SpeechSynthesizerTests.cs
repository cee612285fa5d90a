using System.Security.Cryptography;
using LatentSync.Media.Synthesis.Voices;

namespace LatentSync.Media.Tests.Synthesis;

public sealed class SpeechSynthesizerTests
{
    private static readonly VoiceProfile FlatVoice = new()
    {
        PitchHz = 100,
        PitchRange = 0,
        Jitter = 0,
        Breathiness = 0,
    };

    [Fact]
    public void Synthesize_GivenSeed_GivesTheseSamplesOnEveryPlatform()
    {
        Utterance utterance = Utterance.Generate(7, 2, VoiceProfile.FromSeed(7));
        float[] samples = SpeechSynthesizer.Synthesize(utterance, 16000, 7);
        Assert.Equal(32000, samples.Length);
        Assert.Equal("2259E709F58C57A7", Hash(samples));
    }

    [Fact]
    public void Synthesize_OtherSeeds_GiveOtherSpeech()
    {
        HashSet<string> hashes = [];
        for (int seed = 0; seed < 12; seed++)
        {
            hashes.Add(Hash(SpeechSynthesizer.Synthesize(Utterance.Generate(seed, 1, VoiceProfile.FromSeed(seed)), 16000, seed)));
        }
        Assert.Equal(12, hashes.Count);
    }

    [Theory]
    [InlineData(8000)]
    [InlineData(16000)]
    [InlineData(44100)]
    [InlineData(48000)]
    public void Synthesize_AnyRateAndVoice_IsFiniteAndUnclipped(int sampleRate)
    {
        for (int seed = 0; seed < 8; seed++)
        {
            float[] samples = SpeechSynthesizer.Synthesize(Utterance.Generate(seed, 1.5, VoiceProfile.FromSeed(seed)), sampleRate, seed);
            Assert.Equal((int)Math.Round(1.5 * sampleRate), samples.Length);
            Assert.All(samples, s => Assert.True(Math.Abs(s) <= 0.7001f, $"seed {seed}: {s}"));
            Assert.InRange(Math.Sqrt(samples.Average(s => (double)s * s)), 0.03, 0.3);
        }
    }

    [Theory]
    [InlineData(Phone.A, 750, 1200)]
    [InlineData(Phone.E, 490, 1850)]
    [InlineData(Phone.I, 290, 2250)]
    [InlineData(Phone.O, 480, 880)]
    [InlineData(Phone.U, 320, 800)]
    public void Vowel_Sustained_HasItsFormants(Phone vowel, double first, double second)
    {
        float[] samples = Sustained(vowel);
        // With a pitch of 100 Hz there is a harmonic every 100 Hz: the strongest near a formant lies within one harmonic of it.
        Assert.Equal(first, Peak(samples, Math.Max(first - 250, 150), first + 250), 110.0);
        Assert.Equal(second, Peak(samples, second - 220, second + 300), 160.0);
    }

    [Theory]
    [InlineData(Phone.S, 4000, 8000)]
    [InlineData(Phone.Sh, 2000, 4500)]
    public void Fricative_Sustained_HasItsEnergyInItsBand(Phone fricative, double low, double high)
    {
        float[] samples = Sustained(fricative);
        double inside = Energy(samples, low, high),
            all = Energy(samples, 50, 7950);
        Assert.True(inside > 0.7 * all, $"{inside / all:P0} of the energy lies in {low}-{high} Hz");
    }

    [Fact]
    public void Pause_IsQuiet()
    {
        Utterance utterance = Utterance.Generate(3, 6, VoiceProfile.FromSeed(3));
        float[] samples = SpeechSynthesizer.Synthesize(utterance, 16000, 3);
        foreach (PhoneSegment pause in utterance.Segments.Where(s => s.Phone == Phone.Pause && s.Seconds > 0.1))
        {
            int from = (int)((pause.StartSeconds + 0.06) * 16000),
                to = (int)((pause.EndSeconds - 0.02) * 16000);
            double peak = samples[from..to].Max(s => Math.Abs((double)s));
            Assert.True(peak < 0.01, $"{peak} in the pause at {pause.StartSeconds:0.00} s");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7999)]
    [InlineData(48001)]
    public void Synthesize_RateOutOfRange_IsRefused(int sampleRate) =>
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            SpeechSynthesizer.Synthesize(Utterance.Generate(1, 1, new VoiceProfile()), sampleRate)
        );

    private static float[] Sustained(Phone phone)
    {
        float[] samples = SpeechSynthesizer.Synthesize(Utterance.FromPhones([phone], FlatVoice, 0.6), 16000);
        return samples[6400..10496];
    }

    /// <summary>Frequency of the largest magnitude between two frequencies, on a grid of 10 Hz.</summary>
    private static double Peak(float[] samples, double low, double high)
    {
        double best = 0,
            at = 0;
        for (double f = low; f <= high; f += 10)
        {
            double power = Power(samples, f);
            (best, at) = power > best ? (power, f) : (best, at);
        }
        return at;
    }

    private static double Energy(float[] samples, double low, double high)
    {
        double sum = 0;
        for (double f = low; f <= high; f += 8)
        {
            sum += Power(samples, f);
        }
        return sum;
    }

    private static double Power(float[] samples, double frequency)
    {
        // Goertzel's recurrence on the Hann-windowed samples.
        double factor = 2 * Math.Cos(2 * Math.PI * frequency / 16000),
            last = 0,
            before = 0;
        for (int n = 0; n < samples.Length; n++)
        {
            double window = 0.5 - 0.5 * Math.Cos(2 * Math.PI * n / samples.Length);
            (last, before) = (window * samples[n] + factor * last - before, last);
        }
        return last * last + before * before - factor * last * before;
    }

    private static string Hash(float[] samples)
    {
        byte[] bytes = new byte[samples.Length * 2];
        for (int n = 0; n < samples.Length; n++)
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(2 * n), (short)Math.Round(samples[n] * 32767.0));
        }
        return Convert.ToHexString(SHA256.HashData(bytes))[..16];
    }
}
