using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Audio;

/// <summary>How a recording of several channels becomes one: ffmpeg's mix, or a single channel where the mix would lose the
/// speech.</summary>
/// <param name="Channel">Index of the channel to take; null: the mix.</param>
/// <param name="Lost">Stretches in which the channel takes the mix's place; null: everywhere.</param>
/// <param name="Reason">What is wrong with the channels, as the end of a sentence; null for the mix.</param>
/// <remarks>The mix adds the channels. Where one is the other turned upside down (a balanced cable plugged in wrong, "karaoke" stereo), the
/// sum is silence, and the mouth would stay shut. Where only one channel is alive, the sum is quieter than the speech.</remarks>
internal sealed record Downmix(int? Channel, IReadOnlyList<bool>? Lost, Sentence? Reason)
{
    /// <summary>ffmpeg's mix of all channels.</summary>
    public static Downmix Mix { get; } = new(null, null, null);

    // The mix of two unrelated channels has half of their mean energy, of one live channel of two a quarter, of channels that cancel
    // nothing. A quiet voice in the middle of 7.1 keeps 4 % of its energy in the mix.
    private const double CancelledShareOfTwo = 0.05,
        CancelledShareOfMany = 0.01;

    /// <summary>Energy of a dead channel at most, as a share of the live one's: 40 dB less.</summary>
    private const double DeadShare = 1e-4;

    /// <summary>Stretches this much quieter than the loudest one (40 dB) do not count: noise cancels as it likes.</summary>
    private const double LoudShare = 1e-4;

    /// <summary>Mean square below which nothing is heard: -80 dB.</summary>
    private const double Silence = 1e-8;

    /// <summary>Seconds in which one channel fades into the mix.</summary>
    private const double FadeSeconds = 0.02;

    /// <summary>Decides for a recording.</summary>
    /// <param name="levels">How loud its channels are.</param>
    /// <param name="mixEnergies">Mean square of each stretch of the mix.</param>
    public static Downmix Choose(ChannelLevels levels, ReadOnlySpan<double> mixEnergies)
    {
        int channels = levels.Channels,
            stretches = Math.Min(levels.Stretches, mixEnergies.Length);
        double[] totals = new double[channels],
            lostTotals = new double[channels];
        double loudest = 0;
        for (int s = 0; s < stretches; s++)
        {
            loudest = Math.Max(loudest, levels.LargestOf(s));
            Add(levels.Of(s), totals);
        }
        if (loudest < Silence)
        {
            return Mix;
        }
        int best = Array.IndexOf(totals, totals.Max());
        if (totals.Where((total, c) => c != best && total >= DeadShare * totals[best]).Any() is false)
        {
            return new Downmix(best, null, $"has sound in one channel only ({Name(best, channels)}), so only that one drives the mouth");
        }
        double share = channels == 2 ? CancelledShareOfTwo : CancelledShareOfMany;
        bool[] lost = new bool[stretches];
        for (int s = 0; s < stretches; s++)
        {
            double largest = levels.LargestOf(s);
            lost[s] = largest >= Math.Max(LoudShare * loudest, Silence) && mixEnergies[s] < share * largest;
            if (lost[s])
            {
                Add(levels.Of(s), lostTotals);
            }
        }
        int count = lost.Count(l => l);
        if (count == 0)
        {
            return Mix;
        }
        int taken = Array.IndexOf(lostTotals, lostTotals.Max());
        return new Downmix(
            taken,
            lost,
            $"has channels that cancel each other out when mixed to mono, for about {count * ChannelLevels.StretchSeconds:0.#} s: there only one channel drives the mouth ({Name(taken, channels)})"
        );
    }

    /// <summary>Puts one channel in the mix's place where the mix is lost.</summary>
    /// <param name="mix">Samples of the mix; changed.</param>
    /// <param name="channel">Samples of the channel, in step with it.</param>
    /// <param name="sampleRate">Hz.</param>
    public void Replace(Span<float> mix, ReadOnlySpan<float> channel, int sampleRate)
    {
        int stretch = ChannelLevels.StretchLength(sampleRate),
            count = Math.Min(mix.Length, channel.Length);
        float step = 1f / Math.Max(1, (int)(FadeSeconds * sampleRate)),
            share = IsLost(0) ? 1 : 0;
        for (int i = 0; i < count; i++)
        {
            share = Math.Clamp(IsLost(i / stretch) ? share + step : share - step, 0, 1);
            mix[i] += share * (channel[i] - mix[i]);
        }
    }

    private bool IsLost(int stretch) => Lost is null || (stretch < Lost.Count && Lost[stretch]);

    private static void Add(ReadOnlySpan<double> energies, double[] totals)
    {
        for (int c = 0; c < totals.Length; c++)
        {
            totals[c] += energies[c];
        }
    }

    private static Sentence Name(int channel, int channels) =>
        channels != 2 ? (Sentence)$"no. {channel + 1}"
        : channel == 0 ? "left"
        : "right";
}
