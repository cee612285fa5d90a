namespace LatentSync.Media.Audio;

/// <summary>Triangular filters on the Slaney mel scale with Slaney's area normalisation, as librosa makes them.</summary>
/// <remarks>mel(f) = 3f/200 below 1000 Hz, else 15 + 27 ln(f/1000)/ln 6.4. Edges e_0..e_{B+1} are equally spaced in mel; the weight of bin
/// k in band b is max(0, min((f_k - e_b)/(e_{b+1} - e_b), (e_{b+2} - f_k)/(e_{b+2} - e_{b+1}))) * 2/(e_{b+2} - e_b), computed in double,
/// the triangle stored as float before the final scaling, which reproduces Whisper's stored table bit for bit.</remarks>
public sealed class MelFilterBank
{
    private readonly float[][] _weights;
    private readonly int[] _firstBins;

    /// <summary>Makes the filters.</summary>
    /// <param name="sampleRate">In Hz.</param>
    /// <param name="fftLength">Samples per transform; bins are sampleRate / fftLength apart.</param>
    /// <param name="bands">Number of filters.</param>
    /// <param name="minimumFrequency">Lower edge of the first filter in Hz.</param>
    /// <param name="maximumFrequency">Upper edge of the last filter in Hz, at most half the sample rate.</param>
    public MelFilterBank(int sampleRate, int fftLength, int bands, double minimumFrequency, double maximumFrequency)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sampleRate, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(fftLength, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(bands, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(minimumFrequency);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(maximumFrequency, minimumFrequency);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maximumFrequency, sampleRate / 2.0);
        Bins = fftLength / 2 + 1;
        double[] edges = Edges(bands, minimumFrequency, maximumFrequency);
        _weights = new float[bands][];
        _firstBins = new int[bands];
        for (int band = 0; band < bands; band++)
        {
            var row = new List<float>();
            for (int bin = 0; bin < Bins; bin++)
            {
                double frequency = (double)sampleRate * bin / fftLength;
                double rising = (frequency - edges[band]) / (edges[band + 1] - edges[band]);
                double falling = (edges[band + 2] - frequency) / (edges[band + 2] - edges[band + 1]);
                float triangle = (float)Math.Max(0, Math.Min(rising, falling));
                if (triangle > 0)
                {
                    _firstBins[band] = row.Count == 0 ? bin : _firstBins[band];
                    row.Add((float)(triangle * (2 / (edges[band + 2] - edges[band]))));
                }
            }

            _weights[band] = [.. row];
        }
    }

    /// <summary>Number of filters.</summary>
    public int Bands => _weights.Length;

    /// <summary>Bins of the spectrum the filters apply to: fftLength / 2 + 1.</summary>
    public int Bins { get; }

    /// <summary>First bin with a weight in a band.</summary>
    /// <param name="band">0 ... Bands - 1.</param>
    public int FirstBin(int band) => _firstBins[band];

    /// <summary>The weights of a band from <see cref="FirstBin"/> on; all bins outside have weight 0.</summary>
    /// <param name="band">0 ... Bands - 1.</param>
    public ReadOnlySpan<float> Weights(int band) => _weights[band];

    private static double[] Edges(int bands, double minimumFrequency, double maximumFrequency)
    {
        double low = ToMel(minimumFrequency);
        double high = ToMel(maximumFrequency);
        var edges = new double[bands + 2];
        for (int i = 0; i < edges.Length; i++)
        {
            edges[i] = FromMel(low + (high - low) * i / (bands + 1));
        }

        return edges;
    }

    private static double ToMel(double frequency) =>
        frequency < 1000 ? 3 * frequency / 200 : 15 + 27 * Math.Log(frequency / 1000) / Math.Log(6.4);

    private static double FromMel(double mel) => mel < 15 ? mel * 200 / 3 : 1000 * Math.Exp((mel - 15) * Math.Log(6.4) / 27);
}
