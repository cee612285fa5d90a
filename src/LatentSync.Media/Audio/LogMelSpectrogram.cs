using Vec = System.Numerics.Vector<double>;

namespace LatentSync.Media.Audio;

/// <summary>Whisper's front end: sound to log-mel spectrogram.</summary>
/// <remarks>Centred short-time transform (400 samples every 160, periodic Hann window, reflected ends), squared magnitude, 80 Slaney mel
/// bands of 0-8000 Hz, log10 with floor 1e-10, then max(x, M - 8) with M the maximum of the whole recording, then (x + 4)/4. The frame
/// centred on or behind the last sample is dropped. Arithmetic is float64, results float32.</remarks>
public static class LogMelSpectrogram
{
    /// <summary>Samples per second that <see cref="Compute"/> takes.</summary>
    public const int SampleRate = 16000;

    /// <summary>Samples per transform.</summary>
    public const int WindowLength = 400;

    /// <summary>Samples between frames.</summary>
    public const int HopLength = 160;

    /// <summary>Least number of samples: reflecting half a window needs one sample more than half a window.</summary>
    public const int MinimumSamples = WindowLength / 2 + 1;

    /// <summary>Largest number of samples: the result must fit one array (about 74 hours).</summary>
    public static readonly int MaximumSamples = (int)Math.Min(int.MaxValue, (long)Array.MaxLength / LogMel.Bands * HopLength);

    private static readonly MelFilterBank Filters = new(SampleRate, WindowLength, LogMel.Bands, 0, SampleRate / 2.0);
    private static readonly LaneFft Transform = new(WindowLength);
    private static readonly double[] Window = HannWindow();

    /// <summary>Computes the spectrogram of a whole recording.</summary>
    /// <param name="samples16k">Mono samples at 16 kHz, nominally -1..1. At least <see cref="MinimumSamples"/>.</param>
    /// <returns>80 bands, floor(samples / 160) columns.</returns>
    /// <exception cref="MediaException"><see cref="MediaFault.TooShort"/>: too few samples; <see cref="MediaFault.OutOfBounds"/>: too many,
    /// or a sample that is no finite number.</exception>
    public static LogMel Compute(ReadOnlySpan<float> samples16k)
    {
        RequireUsable(samples16k);
        int frames = samples16k.Length / HopLength;
        var values = new float[LogMel.Bands * frames];

        // Two real frames share one complex transform, and every lane holds such a pair: 2 x lanes frames per round.
        int lanes = Vec.Count;
        int perRound = 2 * lanes;
        var real = new Vec[WindowLength];
        var imaginary = new Vec[WindowLength];
        var workReal = new Vec[WindowLength];
        var workImaginary = new Vec[WindowLength];
        var evenPower = new Vec[Filters.Bins];
        var oddPower = new Vec[Filters.Bins];
        float maximum = float.NegativeInfinity;
        for (int first = 0; first < frames; first += perRound)
        {
            Gather(samples16k, first, real);
            Gather(samples16k, first + lanes, imaginary);
            Transform.Forward(real, imaginary, workReal, workImaginary);
            Transform.SeparatePowers(real, imaginary, evenPower, oddPower);
            maximum = Math.Max(maximum, ApplyFilters(evenPower, first, frames, values));
            maximum = Math.Max(maximum, ApplyFilters(oddPower, first + lanes, frames, values));
        }

        float floor = maximum - 8;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (Math.Max(values[i], floor) + 4) / 4;
        }

        return new LogMel(values, frames);
    }

    private static void RequireUsable(ReadOnlySpan<float> samples)
    {
        if (samples.Length < MinimumSamples)
        {
            throw new MediaException(
                MediaFault.TooShort,
                $"The audio has {samples.Length} samples at 16 kHz, but its analysis needs at least {MinimumSamples} (0.0126 s): give a longer recording."
            );
        }

        if (samples.Length > MaximumSamples)
        {
            throw new MediaException(
                MediaFault.OutOfBounds,
                $"The audio has {samples.Length} samples at 16 kHz, but at most {MaximumSamples} can be analysed at once: split the recording."
            );
        }

        for (int i = 0; i < samples.Length; i++)
        {
            if (!float.IsFinite(samples[i]))
            {
                throw new MediaException(
                    MediaFault.OutOfBounds,
                    $"Sample {i} of the audio is {samples[i]}, but every sample must be a finite number: the recording is damaged."
                );
            }
        }
    }

    /// <summary>Lane l of target[n] = window[n] * sample n of frame (first + l); frames reach 200 samples over both ends, where they
    /// reflect.</summary>
    private static void Gather(ReadOnlySpan<float> samples, int first, Vec[] target)
    {
        Span<double> lane = stackalloc double[Vec.Count];
        int last = samples.Length - 1;
        for (int n = 0; n < WindowLength; n++)
        {
            for (int l = 0; l < lane.Length; l++)
            {
                // A frame beyond the end (only in the last round) reads some sample and is not stored.
                long at = Math.Abs((long)(first + l) * HopLength + n - WindowLength / 2);
                at = at > last ? 2L * last - at : at;
                lane[l] = samples[(int)Math.Max(at, 0)];
            }

            target[n] = new Vec(lane) * Window[n];
        }
    }

    /// <summary>Writes log10 of the mel bands of frames first, first + 1, ... (one per lane) and returns their maximum.</summary>
    private static float ApplyFilters(Vec[] power, int first, int frames, float[] values)
    {
        int count = Math.Min(Vec.Count, frames - first);
        float maximum = float.NegativeInfinity;
        for (int band = 0; band < LogMel.Bands; band++)
        {
            ReadOnlySpan<float> weights = Filters.Weights(band);
            int bin = Filters.FirstBin(band);
            Vec sum = Vec.Zero;
            for (int i = 0; i < weights.Length; i++)
            {
                sum += power[bin + i] * weights[i];
            }

            for (int l = 0; l < count; l++)
            {
                float value = (float)Math.Log10(Math.Max(sum[l], 1e-10));
                values[band * frames + first + l] = value;
                maximum = Math.Max(maximum, value);
            }
        }

        return maximum;
    }

    private static double[] HannWindow()
    {
        var window = new double[WindowLength];
        for (int n = 0; n < WindowLength; n++)
        {
            window[n] = 0.5 - 0.5 * Math.Cos(2 * Math.PI * n / WindowLength);
        }

        return window;
    }
}
