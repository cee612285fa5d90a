using LatentSync.Media.Synthesis.Numbers;

namespace LatentSync.Media.Synthesis.Voices;

/// <summary>A speaker's voice.</summary>
public sealed record VoiceProfile
{
    /// <summary>Mean pitch in Hz, 60..400. Default 120.</summary>
    public double PitchHz { get; init; } = 120;

    /// <summary>How far the pitch moves in a phrase, as a fraction of the mean, 0..0.6. Default 0.22.</summary>
    public double PitchRange { get; init; } = 0.22;

    /// <summary>Factor on every formant, 0.8..1.4 (1 an adult man, about 1.17 a woman, 1.3 a child). Default 1.</summary>
    public double FormantScale { get; init; } = 1;

    /// <summary>Factor on the speaking rate, 0.6..1.6. Default 1, about four and a half syllables a second.</summary>
    public double Rate { get; init; } = 1;

    /// <summary>Breath noise in the voice, 0..1. Default 0.15.</summary>
    public double Breathiness { get; init; } = 0.15;

    /// <summary>Relative random change from one glottal period to the next, 0..0.05. Default 0.008.</summary>
    public double Jitter { get; init; } = 0.008;

    /// <summary>Draws a voice: a man's, woman's or child's.</summary>
    /// <param name="seed">Any number; the same seed gives the same voice.</param>
    public static VoiceProfile FromSeed(long seed)
    {
        SeededRandom random = new(seed, 101);
        double kind = random.NextDouble();
        (double pitch, double scale) = kind switch
        {
            < 0.45 => (random.Range(95, 145), random.Range(0.94, 1.05)),
            < 0.88 => (random.Range(165, 235), random.Range(1.10, 1.21)),
            _ => (random.Range(240, 300), random.Range(1.22, 1.32)),
        };
        return new VoiceProfile
        {
            PitchHz = pitch,
            FormantScale = scale,
            PitchRange = random.Range(0.14, 0.32),
            Rate = random.Range(0.88, 1.15),
            Breathiness = random.Range(0.05, 0.35),
            Jitter = random.Range(0.004, 0.014),
        };
    }

    /// <summary>Throws when a value is outside its range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the property, its value and its range.</exception>
    internal void Check()
    {
        CheckRange(nameof(PitchHz), PitchHz, 60, 400);
        CheckRange(nameof(PitchRange), PitchRange, 0, 0.6);
        CheckRange(nameof(FormantScale), FormantScale, 0.8, 1.4);
        CheckRange(nameof(Rate), Rate, 0.6, 1.6);
        CheckRange(nameof(Breathiness), Breathiness, 0, 1);
        CheckRange(nameof(Jitter), Jitter, 0, 0.05);
    }

    private static void CheckRange(string name, double value, double low, double high)
    {
        if (!(value >= low && value <= high))
        {
            throw new ArgumentOutOfRangeException(
                name,
                value,
                FormattableString.Invariant($"A voice's {name} must be from {low} to {high}.")
            );
        }
    }
}
