using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Audio;

/// <summary>How loud each channel of a recording is, half a second at a time.</summary>
/// <param name="Channels">Number of channels.</param>
/// <param name="Energies">Mean square of each stretch, channel by channel within it: Energies[stretch · Channels + channel], in
/// 0..1.</param>
internal sealed record ChannelLevels(int Channels, double[] Energies)
{
    /// <summary>Most channels that are looked at.</summary>
    internal const int MostChannels = 64;

    /// <summary>Seconds of a stretch.</summary>
    internal const double StretchSeconds = 0.5;

    /// <summary>Number of stretches; the last one may be shorter.</summary>
    public int Stretches => Energies.Length / Channels;

    /// <summary>The channels' energies in one stretch.</summary>
    public ReadOnlySpan<double> Of(int stretch) => Energies.AsSpan(stretch * Channels, Channels);

    /// <summary>Energy of the loudest channel in one stretch.</summary>
    public double LargestOf(int stretch)
    {
        double largest = 0;
        foreach (double energy in Of(stretch))
        {
            largest = Math.Max(largest, energy);
        }
        return largest;
    }

    /// <summary>Samples of a stretch.</summary>
    public static int StretchLength(int sampleRate) => Math.Max(1, (int)(StretchSeconds * sampleRate));

    /// <summary>Measures a file's channels. They are decoded once for it, in blocks; nothing is kept but the levels.</summary>
    /// <param name="media">The file.</param>
    /// <param name="stream">Its audio track.</param>
    /// <param name="tools">ffmpeg to use.</param>
    /// <param name="sampleRate">Hz at which to measure.</param>
    /// <param name="limit">Only so much from the start.</param>
    /// <param name="isWithPicture">The picture of the file is in use too, and moves the clock.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>The levels; what a damaged file gave until its end.</returns>
    public static async Task<ChannelLevels> MeasureAsync(
        MediaInfo media,
        AudioStreamInfo stream,
        FfmpegTools tools,
        int sampleRate,
        TimeSpan limit,
        bool isWithPicture,
        CancellationToken cancellationToken
    )
    {
        int channels = stream.Channels,
            stretch = StretchLength(sampleRate);
        await using ChildProcess ffmpeg = ChildProcess.Start(
            tools.FfmpegPath,
            [
                "-v",
                "error",
                "-hide_banner",
                "-nostdin",
                .. media.InputArguments,
                "-map",
                string.Create(CultureInfo.InvariantCulture, $"0:{stream.StreamIndex}"),
                "-t",
                limit.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture),
                "-af",
                AudioReader.OnTime,
                "-f",
                "s16le",
                "-acodec",
                "pcm_s16le",
                "-ac",
                channels.ToString(CultureInfo.InvariantCulture),
                "-ar",
                sampleRate.ToString(CultureInfo.InvariantCulture),
                "pipe:1",
                .. isWithPicture && media.Video is { } video ? MediaTimeline.Companion(0, video.StreamIndex) : [],
            ],
            writesInput: false,
            cancellationToken
        );
        var energies = new List<double>();
        byte[] block = ArrayPool<byte>.Shared.Rent(stretch * channels * sizeof(short));
        try
        {
            Memory<byte> whole = block.AsMemory(0, stretch * channels * sizeof(short));
            int read;
            do
            {
                read = await ffmpeg
                    .Output.ReadAtLeastAsync(whole, whole.Length, throwOnEndOfStream: false, cancellationToken)
                    .ConfigureAwait(false);
                Add(MemoryMarshal.Cast<byte, short>(whole.Span[..read]), channels, energies);
            } while (read == whole.Length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
        _ = await ffmpeg.WaitAsync().ConfigureAwait(false);
        return new ChannelLevels(channels, [.. energies]);
    }

    /// <summary>Mean squares of mono samples, stretch by stretch.</summary>
    internal static double[] OfMix(ReadOnlySpan<float> samples, int sampleRate)
    {
        int stretch = StretchLength(sampleRate);
        double[] energies = new double[(samples.Length + stretch - 1) / stretch];
        for (int s = 0; s < energies.Length; s++)
        {
            ReadOnlySpan<float> part = samples.Slice(s * stretch, Math.Min(stretch, samples.Length - (s * stretch)));
            double sum = 0;
            foreach (float sample in part)
            {
                sum += (double)sample * sample;
            }
            energies[s] = sum / part.Length;
        }
        return energies;
    }

    // Samples are little-endian, as is every machine that .NET runs on today.
    private static void Add(ReadOnlySpan<short> samples, int channels, List<double> energies)
    {
        int count = samples.Length / channels;
        if (count == 0)
        {
            return;
        }
        for (int c = 0; c < channels; c++)
        {
            double sum = 0;
            for (int i = 0; i < count; i++)
            {
                double sample = samples[(i * channels) + c] / 32768.0;
                sum += sample * sample;
            }
            energies.Add(sum / count);
        }
    }
}
