namespace LatentSync.Media.Audio;

/// <summary>How a recording of several channels becomes one: ffmpeg's mix, or a single channel where the mix would lose the speech.</summary>
/// <param name="Channel">Index of the channel to take; null: the mix.</param>
/// <param name="Reason">Why, as a sentence about the file; null for the mix.</param>
/// <remarks>The mix adds the channels. Where one is the other turned upside down (a balanced cable plugged in wrong, "karaoke" stereo), the sum is silence,
/// and the mouth would stay shut. Where one channel is dead, the sum is half as loud as the speech.</remarks>
internal sealed record Downmix(int? Channel, string? Reason)
{
    /// <summary>ffmpeg's mix of all channels.</summary>
    public static Downmix Mix { get; } = new(null, null);

    // The mix of unrelated channels has half of their mean energy; of one live channel of two, a quarter; of channels that cancel, nothing. A quiet
    // voice in the middle of 7.1 keeps 4 % of its energy in the mix.
    private const double CancelledShareOfTwo = 0.05, CancelledShareOfMany = 0.01;

    /// <summary>Energy of a dead channel at most, as a share of the live one's: 40 dB less.</summary>
    private const double DeadShare = 1e-4;

    /// <summary>Stretches this much quieter than the loudest one (40 dB) do not count: noise cancels as it likes.</summary>
    private const double LoudShare = 1e-4;

    /// <summary>Mean square below which nothing is heard: -80 dB.</summary>
    private const double Silence = 1e-8;

    /// <summary>Share of the loud stretches that must be lost before one channel is taken.</summary>
    private const double LostShare = 0.05;

    /// <summary>Decides for a recording.</summary>
    /// <param name="levels">How loud its channels are.</param>
    /// <param name="mixEnergies">Mean square of each stretch of the mix.</param>
    public static Downmix Choose(ChannelLevels levels, ReadOnlySpan<double> mixEnergies)
    {
        int channels = levels.Channels, stretches = Math.Min(levels.Stretches, mixEnergies.Length);
        var totals = new double[channels];
        double loudest = 0;
        for (int s = 0; s < stretches; s++)
        {
            for (int c = 0; c < channels; c++)
            {
                totals[c] += levels.Energies[(s * channels) + c];
            }
            loudest = Math.Max(loudest, Largest(levels, s));
        }
        double share = channels == 2 ? CancelledShareOfTwo : CancelledShareOfMany;
        int loud = 0, lost = 0;
        var lostTotals = new double[channels];
        for (int s = 0; s < stretches; s++)
        {
            double largest = Largest(levels, s);
            if (largest < Math.Max(LoudShare * loudest, Silence))
            {
                continue;
            }
            loud++;
            if (mixEnergies[s] < share * largest)
            {
                lost++;
                for (int c = 0; c < channels; c++)
                {
                    lostTotals[c] += levels.Energies[(s * channels) + c];
                }
            }
        }
        if (lost > 0 && lost >= LostShare * loud)
        {
            int taken = Array.IndexOf(lostTotals, lostTotals.Max());
            return new Downmix(taken, $"cancel each other when they are mixed to one. Only the {Name(taken, channels)} channel is used to move the mouth");
        }
        if (channels == 2 && totals.Max() / Math.Max(stretches, 1) > Silence && totals.Min() < DeadShare * totals.Max())
        {
            int taken = totals[0] >= totals[1] ? 0 : 1;
            return new Downmix(taken, $"are one with sound and one without. Only the {Name(taken, channels)} channel is used to move the mouth");
        }
        return Mix;
    }

    private static double Largest(ChannelLevels levels, int stretch)
    {
        double largest = 0;
        for (int c = 0; c < levels.Channels; c++)
        {
            largest = Math.Max(largest, levels.Energies[(stretch * levels.Channels) + c]);
        }
        return largest;
    }

    private static string Name(int channel, int channels) =>
        channels != 2 ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{channel + 1}.") : channel == 0 ? "left" : "right";
}
