using Vec = System.Numerics.Vector<double>;

namespace LatentSync.Media.Audio;

/// <summary>Cepstral coefficients with the defaults of Python's python_speech_features, which the SyncNet of Chung and Zisserman was
/// trained on.</summary>
/// <remarks>Samples as 16-bit numbers; pre-emphasis 0.97; frames of 25 ms every 10 ms, no window, the last one filled with zeros; power
/// spectrum of 512 samples / 512; 26 triangles whose corners are whole bins, equally spaced on 2595 log10(1 + f/700) from 0 to 8000 Hz;
/// logarithm; orthonormal DCT-II; coefficient k times 1 + 11 sin(πk/22); coefficient 0 replaced by the logarithm of the frame's power.
/// Arithmetic is float64, results float32.</remarks>
public static class MfccFeatures
{
    /// <summary>Samples per second that <see cref="Compute"/> takes.</summary>
    public const int SampleRate = 16000;

    /// <summary>Samples of a frame.</summary>
    public const int FrameLength = 400;

    /// <summary>Samples between frames.</summary>
    public const int HopLength = 160;

    private const int FftLength = 512,
        BandCount = 26,
        Lifter = 22;
    private const double PreEmphasis = 0.97,
        Int16Scale = 32768;
    private const double Epsilon = 2.220446049250313e-16; // in place of 0 before the logarithm

    private static readonly FramedPowers Frames = new(FftLength, [.. Enumerable.Repeat(1.0, FrameLength)], HopLength, 0);
    private static readonly double[][] Filters = MakeFilters();
    private static readonly double[] Cosines = MakeLifteredCosines();

    /// <summary>Computes the coefficients of a whole recording.</summary>
    /// <param name="samples16k">Mono samples at 16 kHz, -1..1 (value / 32768 of 16-bit samples). At least one.</param>
    /// <returns>13 coefficients a frame; one frame for at most 400 samples, else 1 + ceil((samples - 400) / 160).</returns>
    /// <exception cref="MediaException"><see cref="MediaFault.TooShort"/>: no samples; <see cref="MediaFault.OutOfBounds"/>: a sample that
    /// is no finite number.</exception>
    public static Mfcc Compute(ReadOnlySpan<float> samples16k)
    {
        double[] signal = SpeechSamples.Emphasise(samples16k, PreEmphasis, Int16Scale);
        int frames = samples16k.Length <= FrameLength ? 1 : 1 + ((samples16k.Length - FrameLength + HopLength - 1) / HopLength);
        var values = new float[checked(Mfcc.Coefficients * frames)];
        Frames.Compute(signal, frames, (first, count, power) => Store(first, count, power, values));
        return new Mfcc(values, frames);
    }

    private static void Store(int first, int count, Vec[] power, float[] values)
    {
        Vec energy = Vec.Zero;
        foreach (Vec bin in power)
        {
            energy += bin;
        }
        var bands = new Vec[BandCount];
        for (int band = 0; band < BandCount; band++)
        {
            for (int k = 0; k < power.Length; k++)
            {
                bands[band] += power[k] * Filters[band][k];
            }
        }
        Span<double> logs = stackalloc double[BandCount];
        for (int l = 0; l < count; l++)
        {
            for (int band = 0; band < BandCount; band++)
            {
                logs[band] = SafeLog(bands[band][l] / FftLength);
            }
            Span<float> row = values.AsSpan((first + l) * Mfcc.Coefficients, Mfcc.Coefficients);
            row[0] = (float)SafeLog(energy[l] / FftLength);
            for (int c = 1; c < Mfcc.Coefficients; c++)
            {
                double sum = 0;
                for (int band = 0; band < BandCount; band++)
                {
                    sum += logs[band] * Cosines[(c * BandCount) + band];
                }
                row[c] = (float)sum;
            }
        }
    }

    private static double SafeLog(double value) => Math.Log(value == 0 ? Epsilon : value);

    private static double[][] MakeFilters()
    {
        double top = ToMel(SampleRate / 2.0);
        int[] corners =
        [
            .. Enumerable.Range(0, BandCount + 2).Select(i => (int)((FftLength + 1) * FromMel(top * i / (BandCount + 1)) / SampleRate)),
        ];
        var filters = new double[BandCount][];
        for (int band = 0; band < BandCount; band++)
        {
            (int left, int middle, int right) = (corners[band], corners[band + 1], corners[band + 2]);
            filters[band] = new double[Frames.Bins];
            for (int k = left; k < middle; k++)
            {
                filters[band][k] = (double)(k - left) / (middle - left);
            }
            for (int k = middle; k < right; k++)
            {
                filters[band][k] = (double)(right - k) / (right - middle);
            }
        }
        return filters;
    }

    // Row c: the orthonormal DCT-II's cosines times the lifter of c; row 0 is not used.
    private static double[] MakeLifteredCosines()
    {
        var cosines = new double[Mfcc.Coefficients * BandCount];
        for (int c = 1; c < Mfcc.Coefficients; c++)
        {
            double lift = 1 + (Lifter / 2.0 * Math.Sin(Math.PI * c / Lifter));
            for (int band = 0; band < BandCount; band++)
            {
                cosines[(c * BandCount) + band] = lift * Math.Sqrt(2.0 / BandCount) * Math.Cos(Math.PI * c * (band + 0.5) / BandCount);
            }
        }
        return cosines;
    }

    private static double ToMel(double frequency) => 2595 * Math.Log10(1 + (frequency / 700));

    private static double FromMel(double mel) => 700 * (Math.Pow(10, mel / 2595) - 1);
}
