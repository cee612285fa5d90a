using LatentSync.Media.Synthesis.Numbers;

namespace LatentSync.Media.Synthesis.Voices;

/// <summary>What is said and when: phones without gaps from 0 to the end, and the melody.</summary>
public sealed class Utterance
{
    /// <summary>Longest utterance in seconds.</summary>
    public const double MaxSeconds = 600;

    private readonly double[] _starts;
    private readonly (double Start, double End, double Peak)[] _phrases;
    private readonly double _pitchRange;

    private Utterance(List<PhoneSegment> segments, List<(double, double, double)> phrases, VoiceProfile voice)
    {
        Segments = segments;
        _starts = [.. segments.Select(s => s.StartSeconds)];
        _phrases = [.. phrases];
        _pitchRange = voice.PitchRange;
        Voice = voice;
    }

    /// <summary>The phones in order, without gaps.</summary>
    public IReadOnlyList<PhoneSegment> Segments { get; }

    /// <summary>Who says it.</summary>
    public VoiceProfile Voice { get; }

    /// <summary>End of the last phone in seconds.</summary>
    public double DurationSeconds => Segments[^1].EndSeconds;

    /// <summary>Draws a random sentence in no language: phrases of syllables between pauses, closed mouth at both ends.</summary>
    /// <param name="seed">Any number; the same seed gives the same sentence.</param>
    /// <param name="durationSeconds">Exact duration, 0.2..600.</param>
    /// <param name="voice">Speaker; gives rate and melody.</param>
    /// <exception cref="ArgumentOutOfRangeException">The duration or the voice is out of range.</exception>
    public static Utterance Generate(long seed, double durationSeconds, VoiceProfile voice)
    {
        ArgumentNullException.ThrowIfNull(voice);
        voice.Check();
        CheckDuration(durationSeconds);
        SeededRandom random = new(seed, 202);
        List<PhoneSegment> segments = [];
        List<(double, double, double)> phrases = [];
        double time = 0;
        void Say(Phone phone, double seconds, double stress)
        {
            segments.Add(new PhoneSegment(phone, time, time + seconds, stress));
            time += seconds;
        }

        const double closing = 0.16; // the pause kept free at the end
        Say(Phone.Pause, Math.Min(random.Range(0.12, 0.28), durationSeconds / 4), 0);
        while (time < durationSeconds - closing)
        {
            double phraseStart = time;
            int syllables = 3 + random.Next(6);
            for (int i = 0; i < syllables; i++)
            {
                List<Phone> phones = DrawSyllable(random, segments[^1].Phone);
                double stress = random.Chance(0.4) ? random.Range(0.7, 1) : random.Range(0.2, 0.6);
                double last = i == syllables - 1 ? 1.35 : 1; // the last syllable of a phrase is drawn out
                double[] seconds = [.. phones.Select(p => PhoneSeconds(p, stress, last, voice.Rate, random))];
                if (time + seconds.Sum() > durationSeconds - closing)
                {
                    break;
                }
                for (int j = 0; j < phones.Count; j++)
                {
                    Say(phones[j], seconds[j], stress);
                }
            }
            if (time == phraseStart)
            {
                break;
            }
            phrases.Add((phraseStart, time, random.Range(0.15, 0.4)));
            Say(Phone.Pause, Math.Min(random.Range(0.24, 0.55), durationSeconds - time), 0);
        }
        if (time < durationSeconds - 1e-9)
        {
            Say(Phone.Pause, durationSeconds - time, 0);
        }
        segments[^1] = segments[^1] with { EndSeconds = durationSeconds };
        return new Utterance(segments, phrases, voice);
    }

    /// <summary>Builds an utterance from given phones, each with its usual duration at the voice's rate and a pause at both ends.</summary>
    /// <param name="phones">What is said; at least one.</param>
    /// <param name="voice">Speaker.</param>
    /// <param name="secondsPerPhone">One duration for all; null: each phone's usual one.</param>
    /// <exception cref="ArgumentException">No phones.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The whole is longer than 600 s, or the voice is out of range.</exception>
    public static Utterance FromPhones(IReadOnlyList<Phone> phones, VoiceProfile voice, double? secondsPerPhone = null)
    {
        ArgumentNullException.ThrowIfNull(phones);
        ArgumentNullException.ThrowIfNull(voice);
        voice.Check();
        if (phones.Count == 0)
        {
            throw new ArgumentException("An utterance needs at least one phone.", nameof(phones));
        }
        List<PhoneSegment> segments = [new(Phone.Pause, 0, 0.25, 0)];
        foreach (Phone phone in phones)
        {
            double start = segments[^1].EndSeconds;
            segments.Add(new PhoneSegment(phone, start, start + (secondsPerPhone ?? PhoneTable.Of(phone).Seconds / voice.Rate), 0.8));
        }
        double end = segments[^1].EndSeconds;
        segments.Add(new PhoneSegment(Phone.Pause, end, end + 0.25, 0));
        CheckDuration(end + 0.25);
        return new Utterance(segments, [(0.25, end, 0.25)], voice);
    }

    /// <summary>Pitch at a moment in Hz: falling through each phrase, raised on its accent, with the usual slow wavering.</summary>
    /// <param name="seconds">Any time; outside the utterance the mean pitch.</param>
    public double PitchAt(double seconds)
    {
        double shift = 0;
        foreach ((double start, double end, double peak) in _phrases)
        {
            if (seconds < start || seconds > end)
            {
                continue;
            }
            double u = (seconds - start) / Math.Max(end - start, 1e-6);
            double accent = (u - peak) / 0.18;
            shift = 0.5 - u + 0.8 * PortableMath.Exp(-accent * accent);
        }
        double waver = 0.02 * PortableMath.Sin(2 * Math.PI * 4.7 * seconds) + 0.015 * PortableMath.Sin(2 * Math.PI * 2.3 * seconds + 1);
        return Voice.PitchHz * (1 + _pitchRange * shift + waver);
    }

    /// <summary>Index in <see cref="Segments"/> of the phone at a moment, clamped to the first and last.</summary>
    /// <param name="seconds">Any time.</param>
    public int IndexAt(double seconds)
    {
        int index = Array.BinarySearch(_starts, seconds);
        return Math.Max(index >= 0 ? index : ~index - 1, 0);
    }

    private static List<Phone> DrawSyllable(SeededRandom random, Phone before)
    {
        List<Phone> phones = [];
        if (random.Chance(0.88) || PhoneTable.Vowels.Contains(before))
        {
            Phone onset = random.Pick(PhoneTable.Onsets);
            while (onset == before)
            {
                onset = random.Pick(PhoneTable.Onsets);
            }
            phones.Add(onset);
        }
        // The open vowel most often, the neutral one least: mouths should move.
        double draw = random.NextDouble();
        phones.Add(
            draw switch
            {
                < 0.28 => Phone.A,
                < 0.45 => Phone.E,
                < 0.62 => Phone.I,
                < 0.78 => Phone.O,
                < 0.92 => Phone.U,
                _ => Phone.Schwa,
            }
        );
        if (random.Chance(0.25))
        {
            Phone coda = random.Pick(PhoneTable.Codas);
            if (coda != phones[0])
            {
                phones.Add(coda);
            }
        }
        return phones;
    }

    private static double PhoneSeconds(Phone phone, double stress, double last, double rate, SeededRandom random)
    {
        double seconds = PhoneTable.Of(phone).Seconds * random.Range(0.9, 1.15) / rate;
        return PhoneTable.Vowels.Contains(phone) ? seconds * (0.85 + 0.4 * stress) * last : seconds;
    }

    private static void CheckDuration(double seconds)
    {
        if (!(seconds >= 0.2 && seconds <= MaxSeconds))
        {
            throw new ArgumentOutOfRangeException(nameof(seconds), seconds, "An utterance lasts from 0.2 to 600 seconds.");
        }
    }
}
