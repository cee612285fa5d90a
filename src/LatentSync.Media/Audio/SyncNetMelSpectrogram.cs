using Vec = System.Numerics.Vector<double>;

namespace LatentSync.Media.Audio;

/// <summary>StableSyncNet's front end: sound to mel spectrogram, as Wav2Lip makes it.</summary>
/// <remarks>Pre-emphasis y[n] = x[n] - 0.97 x[n-1]; centred short-time transform (800 samples every 200, periodic Hann window, zeros beyond
/// the ends), magnitude; 80 Slaney mel bands of 55-7600 Hz; 20 log10(max(1e-5, mel)) - 20 dB; -100..0 dB to -4..4, clipped. Arithmetic is
/// float64, results float32.</remarks>
public static class SyncNetMelSpectrogram
{
    /// <summary>Samples per second that <see cref="Compute"/> takes.</summary>
    public const int SampleRate = 16000;

    /// <summary>Samples per transform.</summary>
    public const int WindowLength = 800;

    /// <summary>Samples between columns.</summary>
    public const int HopLength = 200;

    private const double PreEmphasis = 0.97,
        SmallestMagnitude = 1e-5,
        ReferenceLevel = 20,
        SmallestLevel = -100,
        Limit = 4;

    private static readonly MelFilterBank Filters = new(SampleRate, WindowLength, SyncNetMel.Bands, 55, 7600);
    private static readonly FramedPowers Frames = new(WindowLength, HannWindow(), HopLength, -WindowLength / 2);

    /// <summary>Computes the spectrogram of a whole recording.</summary>
    /// <param name="samples16k">Mono samples at 16 kHz, nominally -1..1. At least one.</param>
    /// <returns>80 bands, 1 + floor(samples / 200) columns.</returns>
    /// <exception cref="MediaException"><see cref="MediaFault.TooShort"/>: no samples; <see cref="MediaFault.OutOfBounds"/>: a sample that
    /// is no finite number.</exception>
    public static SyncNetMel Compute(ReadOnlySpan<float> samples16k)
    {
        double[] signal = SpeechSamples.Emphasise(samples16k, PreEmphasis, 1);
        int columns = 1 + (samples16k.Length / HopLength);
        var values = new float[checked(SyncNetMel.Bands * columns)];
        var magnitude = new Vec[Frames.Bins];
        Frames.Compute(
            signal,
            columns,
            (first, count, power) =>
            {
                for (int k = 0; k < magnitude.Length; k++)
                {
                    magnitude[k] = System.Numerics.Vector.SquareRoot(power[k]);
                }
                ApplyFilters(magnitude, first, count, columns, values);
            }
        );
        return new SyncNetMel(values, columns);
    }

    private static void ApplyFilters(Vec[] magnitude, int first, int count, int columns, float[] values)
    {
        for (int band = 0; band < SyncNetMel.Bands; band++)
        {
            ReadOnlySpan<float> weights = Filters.Weights(band);
            int bin = Filters.FirstBin(band);
            Vec sum = Vec.Zero;
            for (int i = 0; i < weights.Length; i++)
            {
                sum += magnitude[bin + i] * weights[i];
            }
            for (int l = 0; l < count; l++)
            {
                double level = (20 * Math.Log10(Math.Max(SmallestMagnitude, sum[l]))) - ReferenceLevel;
                double scaled = (2 * Limit * (level - SmallestLevel) / -SmallestLevel) - Limit;
                values[(band * columns) + first + l] = (float)Math.Clamp(scaled, -Limit, Limit);
            }
        }
    }

    private static double[] HannWindow()
    {
        var window = new double[WindowLength];
        for (int n = 0; n < WindowLength; n++)
        {
            window[n] = 0.5 - (0.5 * Math.Cos(2 * Math.PI * n / WindowLength));
        }
        return window;
    }
}
