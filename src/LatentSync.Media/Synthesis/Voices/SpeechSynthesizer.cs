using LatentSync.Media.Synthesis.Numbers;

namespace LatentSync.Media.Synthesis.Voices;

/// <summary>A small formant synthesiser: an utterance becomes samples.</summary>
/// <remarks>After Klatt (1980): a voice source (polynomial glottal pulses with jitter and shimmer) and breath noise through a cascade of
/// eight formants, noise made at the constriction through one band-pass, a burst where stops are released. It speaks no language, but a
/// listener (or a network) hears which phones are said. Uses <see cref="PortableMath"/> only: the samples are the same on every
/// platform.</remarks>
public static class SpeechSynthesizer
{
    /// <summary>Peak of the result.</summary>
    public const double Peak = 0.7;

    private const double ControlSeconds = 0.002; // formants and amplitudes are moved this often
    private const double OpenQuotient = 0.62; // part of a period in which the glottis is open

    /// <summary>Speaks.</summary>
    /// <param name="utterance">What is said, by whom.</param>
    /// <param name="sampleRate">8000..48000 Hz. Default 16000.</param>
    /// <param name="seed">Seed of the noise and the jitter.</param>
    /// <returns>round(duration x rate) samples, mono, in -0.7..0.7.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The sample rate is out of range.</exception>
    public static float[] Synthesize(Utterance utterance, int sampleRate = 16000, long seed = 0)
    {
        ArgumentNullException.ThrowIfNull(utterance);
        if (sampleRate is < 8000 or > 48000)
        {
            throw new ArgumentOutOfRangeException(nameof(sampleRate), sampleRate, "The sample rate must be from 8000 to 48000 Hz.");
        }
        int count = (int)Math.Round(utterance.DurationSeconds * sampleRate);
        float[] samples = new float[count];
        VoiceProfile voice = utterance.Voice;
        SeededRandom random = new(seed, 303);
        Tract tract = new(voice.FormantScale, sampleRate);
        int block = (int)Math.Round(ControlSeconds * sampleRate);
        Controls from = ControlsAt(utterance, 0);

        double phase = 0,
            period = 1,
            shimmer = 1,
            tilt = 0;
        for (int start = 0; start < count; start += block)
        {
            double seconds = (double)start / sampleRate;
            Controls to = ControlsAt(utterance, seconds + ControlSeconds);
            tract.Tune(to);
            double step = utterance.PitchAt(seconds) / sampleRate;
            int end = Math.Min(start + block, count);
            for (int n = start; n < end; n++)
            {
                double u = (double)(n - start) / block;
                double voicing = from.Voicing + (to.Voicing - from.Voicing) * u;
                double aspiration = from.Aspiration + (to.Aspiration - from.Aspiration) * u;
                double frication = from.Frication + (to.Frication - from.Frication) * u;

                phase += step / period;
                if (phase >= 1)
                {
                    phase -= 1;
                    period = 1 + voice.Jitter * random.NextGaussian();
                    shimmer = 1 + 3 * voice.Jitter * random.NextGaussian();
                }
                // Derivative of the glottal flow u²(q - u) in the open phase (KLGLOTT88), then a one-pole low-pass for the tilt.
                double pulse = phase < OpenQuotient ? (2 * phase * OpenQuotient - 3 * phase * phase) / (OpenQuotient * OpenQuotient) : 0;
                double noise = 2 * random.NextDouble() - 1;
                double breath = noise * (aspiration + voicing * voice.Breathiness * (phase < OpenQuotient ? 0.25 : 0.08));
                tilt += 0.85 * (pulse * shimmer * voicing - tilt);
                samples[n] = (float)tract.Next(tilt + 0.35 * breath, noise * frication);
            }
            from = to;
        }
        Normalise(samples);
        return samples;
    }

    private static void Normalise(float[] samples)
    {
        float peak = 0;
        foreach (float sample in samples)
        {
            peak = Math.Max(peak, Math.Abs(sample));
        }
        if (peak <= 0)
        {
            return;
        }
        float gain = (float)(Peak / peak);
        for (int n = 0; n < samples.Length; n++)
        {
            samples[n] *= gain;
        }
    }

    /// <summary>What the sources and the tract do at a moment: each phone's own values, blended across its borders.</summary>
    private static Controls ControlsAt(Utterance utterance, double seconds)
    {
        IReadOnlyList<PhoneSegment> segments = utterance.Segments;
        int index = utterance.IndexAt(seconds);
        PhoneSegment segment = segments[index];
        bool later = seconds > segment.CentreSeconds;
        int other = Math.Clamp(later ? index + 1 : index - 1, 0, segments.Count - 1);
        PhoneSegment neighbour = segments[other];
        double border = later ? segment.EndSeconds : segment.StartSeconds;
        double Share(double half) // of the neighbour: a half at the border
        {
            double reach = Math.Min(half, Math.Min(segment.Seconds, neighbour.Seconds) / 2);
            return other == index || reach <= 0 ? 0 : 0.5 * (1 - PortableMath.SmoothStep(0, reach, Math.Abs(seconds - border)));
        }

        PhoneTraits own = PhoneTable.Of(segment.Phone),
            its = PhoneTable.Of(neighbour.Phone);
        double formants = Share(0.040),
            level = Share(0.012);
        // A pause has no formants of its own: it takes the neighbour's, so that nothing sweeps into silence.
        PhoneTraits ownShape = segment.Phone == Phone.Pause ? its : own,
            itsShape = neighbour.Phone == Phone.Pause ? own : its;
        double Blend(Func<PhoneTraits, double> trait, double share) => trait(ownShape) + (trait(itsShape) - trait(ownShape)) * share;
        double Level(PhoneSegment s) => PhoneTable.Of(s.Phone).Voicing * (0.75 + 0.25 * s.Stress);
        double nasal = (PhoneTable.IsNasal(segment.Phone) ? 1 - formants : 0) + (PhoneTable.IsNasal(neighbour.Phone) ? formants : 0);
        (double ownFrication, double aspiration) = Noise(segment, own, seconds);
        double itsFrication = PhoneTable.IsStop(neighbour.Phone) ? 0 : its.Frication;
        return new Controls(
            Blend(t => t.F1, formants),
            Blend(t => t.F2, formants),
            Blend(t => t.F3, formants),
            nasal,
            Level(segment) + (Level(neighbour) - Level(segment)) * level,
            aspiration,
            ownFrication + (itsFrication - ownFrication) * level,
            own.Frication > 0 ? own.NoiseFrequency : its.NoiseFrequency,
            own.Frication > 0 ? own.NoiseBandwidth : its.NoiseBandwidth
        );
    }

    /// <summary>Noise of a phone: steady for fricatives; for stops nothing, then a burst, then (p, t, k) a breath.</summary>
    private static (double Frication, double Aspiration) Noise(PhoneSegment segment, PhoneTraits traits, double seconds)
    {
        if (!PhoneTable.IsStop(segment.Phone))
        {
            return (traits.Frication, 0);
        }
        bool aspirated = PhoneTable.IsAspirated(segment.Phone);
        double release = segment.EndSeconds - (aspirated ? 0.032 : 0.014);
        double after = seconds - release;
        double burst = after < 0 ? 0 : traits.Frication * PortableMath.Exp(-after / 0.006);
        double breath = aspirated ? 0.5 * PortableMath.SmoothStep(0, 0.008, after) : 0;
        return (burst, breath);
    }

    private readonly record struct Controls(
        double F1,
        double F2,
        double F3,
        double Nasal,
        double Voicing,
        double Aspiration,
        double Frication,
        double NoiseFrequency,
        double NoiseBandwidth
    );

    /// <summary>The filters: eight formants in cascade, and one band-pass for the constriction's noise.</summary>
    private sealed class Tract(double scale, int sampleRate)
    {
        private Resonator _f1;
        private Resonator _f2;
        private Resonator _f3;
        private Resonator _f4;
        private Resonator _f5;
        private Resonator _f6;
        private Resonator _f7;
        private Resonator _f8;
        private double _noiseB;
        private double _noiseC;
        private double _noiseGain;
        private double _noiseLast;
        private double _noiseBeforeLast;
        private double _inLast;
        private double _inBeforeLast;

        public void Tune(Controls c)
        {
            Formant(ref _f1, c.F1, 60 + 60 * c.Nasal);
            Formant(ref _f2, c.F2, 90 + 160 * c.Nasal);
            Formant(ref _f3, c.F3, 150 + 150 * c.Nasal);
            Formant(ref _f4, 3400, 260);
            Formant(ref _f5, 4300, 320);
            Formant(ref _f6, 5300, 400); // these three keep the level up to 8 kHz as a real tract does
            Formant(ref _f7, 6300, 500);
            Formant(ref _f8, 7300, 600);
            double centre = Math.Min(c.NoiseFrequency, 0.46 * sampleRate);
            double radius = PortableMath.Exp(-Math.PI * c.NoiseBandwidth / sampleRate);
            _noiseC = -radius * radius;
            _noiseB = 2 * radius * PortableMath.Cos(2 * Math.PI * centre / sampleRate);
            _noiseGain = (1 - radius * radius) / 2; // band-pass with zeros at 0 Hz and at half the rate: gain 1 in the centre
        }

        public double Next(double source, double noise)
        {
            double voice = _f1.Next(_f2.Next(_f3.Next(_f4.Next(_f5.Next(_f6.Next(_f7.Next(_f8.Next(source))))))));
            double hiss = _noiseGain * (noise - _inBeforeLast) + _noiseB * _noiseLast + _noiseC * _noiseBeforeLast;
            _noiseBeforeLast = _noiseLast;
            _noiseLast = hiss;
            _inBeforeLast = _inLast;
            _inLast = noise;
            return 0.35 * voice + 1.6 * hiss;
        }

        private void Formant(ref Resonator resonator, double frequency, double bandwidth)
        {
            // What would lie at or above half the sample rate is left out: crowded below it, formants would ring.
            if (frequency * scale < 0.47 * sampleRate)
            {
                resonator.Tune(frequency * scale, bandwidth * Math.Sqrt(scale), sampleRate);
            }
            else
            {
                resonator.Bypass();
            }
        }
    }
}
