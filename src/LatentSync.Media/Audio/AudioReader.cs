using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Audio;

/// <summary>Decodes the sound of any audio or video file to mono samples.</summary>
/// <remarks>As the original: ffmpeg mixes down, resamples and rounds to 16 bits; a sample is that integer divided by 32768.</remarks>
public static class AudioReader
{
    /// <summary>Longest recording that is read unless told otherwise.</summary>
    public static readonly TimeSpan DefaultMaximumDuration = TimeSpan.FromHours(6);

    private const int BlockBytes = 1 << 16;

    /// <summary>Reads a whole file.</summary>
    /// <param name="path">Audio, or video with an audio track.</param>
    /// <param name="tools">ffmpeg to use.</param>
    /// <param name="sampleRate">Hz of the result. Default 16000.</param>
    /// <param name="maximumDuration">A longer recording is refused. Default 6 hours (1.3 GiB of samples at 16 kHz).</param>
    /// <param name="cancellationToken">Stops the decoding.</param>
    /// <returns>Samples in -1..1, at least one.</returns>
    /// <exception cref="MediaException">The file cannot be read (see <see cref="MediaProbe.ProbeAsync"/>), <see
    /// cref="MediaFault.NoAudio"/>, <see cref="MediaFault.TooShort"/>: no sample, <see cref="MediaFault.OutOfBounds"/>: too long, <see
    /// cref="MediaFault.ToolFailed"/>.</exception>
    public static async Task<float[]> ReadMonoAsync(
        string path,
        FfmpegTools tools,
        int sampleRate = LogMelSpectrogram.SampleRate,
        TimeSpan? maximumDuration = null,
        CancellationToken cancellationToken = default
    )
    {
        _ = CheckedLimit(sampleRate, maximumDuration);
        MediaInfo media = await MediaProbe.ProbeAsync(path, tools, cancellationToken).ConfigureAwait(false);
        return (
            await ReadAsync(media, tools, sampleRate, maximumDuration, cancellationToken: cancellationToken).ConfigureAwait(false)
        ).Samples;
    }

    /// <summary>Reads a whole file that was probed before.</summary>
    /// <param name="media">What is known of it: of its first audio stream, and where it lies.</param>
    /// <param name="tools">ffmpeg to use.</param>
    /// <param name="sampleRate">Hz of the result. Default 16000.</param>
    /// <param name="maximumDuration">A longer recording is refused. Default 6 hours (1.3 GiB of samples at 16 kHz).</param>
    /// <param name="timeline">Where the sound lies beside the picture of the same file: silence stands before one that begins later. null:
    /// the first sample is the file's first.</param>
    /// <param name="take">Only so much from the start is decoded; null: all.</param>
    /// <param name="cancellationToken">Stops the decoding.</param>
    /// <returns>The samples, at least one. Gaps in the recording are silence.</returns>
    /// <exception cref="MediaException"><see cref="MediaFault.NoAudio"/>, <see cref="MediaFault.TooShort"/>: no sample, <see
    /// cref="MediaFault.OutOfBounds"/>: too long, <see cref="MediaFault.ToolFailed"/>.</exception>
    public static async Task<DecodedSound> ReadAsync(
        MediaInfo media,
        FfmpegTools tools,
        int sampleRate = LogMelSpectrogram.SampleRate,
        TimeSpan? maximumDuration = null,
        MediaTimeline? timeline = null,
        TimeSpan? take = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(media);
        Task<DecodedSound> Decode(int? channel) =>
            DecodeAsync(media, tools, sampleRate, maximumDuration, timeline, take, channel, cancellationToken);
        AudioStreamInfo stream = media.RequireAudio();
        TimeSpan limit = CheckedLimit(sampleRate, maximumDuration);
        if (stream.Channels is < 2 or > ChannelLevels.MostChannels)
        {
            return await Decode(null).ConfigureAwait(false);
        }

        DecodedSound mixed = await Decode(null).ConfigureAwait(false);
        ChannelLevels levels = await ChannelLevels
            .MeasureAsync(media, stream, tools, sampleRate, take ?? limit, timeline is not null, cancellationToken)
            .ConfigureAwait(false);
        Memory<float> sounding = mixed.Samples.AsMemory(Silence(timeline, sampleRate, mixed.Samples.Length));
        var downmix = Downmix.Choose(levels, ChannelLevels.OfMix(sounding.Span, sampleRate));
        if (downmix.Channel is null)
        {
            return mixed;
        }

        DecodedSound one = await Decode(downmix.Channel).ConfigureAwait(false);
        downmix.Replace(sounding.Span, one.Samples.AsSpan(mixed.Samples.Length - sounding.Length), sampleRate);
        return mixed with { Notes = [Sentence.Say($"{MediaFile.Show(media.Path)} {downmix.Reason}.")] };
    }

    private static int Silence(MediaTimeline? timeline, int sampleRate, int most) =>
        (int)Math.Clamp(Math.Round((timeline?.SoundStart.TotalSeconds ?? 0) * sampleRate), 0, most);

    /// <summary>Decodes the mix of all channels, or one of them.</summary>
    private static async Task<DecodedSound> DecodeAsync(
        MediaInfo media,
        FfmpegTools tools,
        int sampleRate,
        TimeSpan? maximumDuration,
        MediaTimeline? timeline,
        TimeSpan? take,
        int? channel,
        CancellationToken cancellationToken
    )
    {
        TimeSpan limit = CheckedLimit(sampleRate, maximumDuration);
        string path = media.Path;
        int maximumSamples = (int)Math.Min(limit.TotalSeconds * sampleRate, Array.MaxLength / sizeof(short));
        AudioStreamInfo stream = media.RequireAudio();
        if (take is null && stream.Duration > limit + TimeSpan.FromSeconds(1))
        {
            throw TooLong(path, limit);
        }

        await using ChildProcess ffmpeg = ChildProcess.Start(
            tools.FfmpegPath,
            Arguments(media, stream, sampleRate, timeline is not null, take, channel),
            writesInput: false,
            cancellationToken
        );
        int silence = Silence(timeline, sampleRate, maximumSamples);
        float[] samples = await CollectAsync(
                ffmpeg.Output,
                () => TooLong(path, limit),
                silence,
                maximumSamples,
                Expected(take < stream.Duration ? take : stream.Duration, sampleRate, maximumSamples)
            )
            .ConfigureAwait(false);
        int exitCode = await ffmpeg.WaitAsync().ConfigureAwait(false);
        if (exitCode > 128 || (exitCode != 0 && samples.Length == silence))
        {
            throw new FfmpegFailedException(
                exitCode > 128 ? MediaFault.ToolFailed : MediaFault.Corrupt,
                $"ffmpeg failed with {VideoReader.ExitOf(exitCode)} while decoding the audio of {MediaFile.Show(path)}: {ffmpeg.Errors.LastLines(3)}",
                exitCode,
                ffmpeg.Errors.Text,
                path
            );
        }

        if (samples.Length == silence)
        {
            throw new MediaException(
                MediaFault.TooShort,
                $"The audio track of {MediaFile.Show(path)} ({stream.Codec}) holds no samples: give a complete recording.",
                path
            );
        }

        string? damage = await DamageAsync(
                media,
                stream,
                take,
                (samples.Length - silence) / (double)sampleRate,
                ffmpeg.Errors,
                tools,
                cancellationToken
            )
            .ConfigureAwait(false);
        return new DecodedSound(samples, damage is null ? [] : [damage], []);
    }

    private static async Task<string?> DamageAsync(
        MediaInfo media,
        AudioStreamInfo stream,
        TimeSpan? take,
        double seconds,
        ErrorTail errors,
        FfmpegTools tools,
        CancellationToken cancellationToken
    )
    {
        double? stated = stream.CutFrom?.TotalSeconds ?? (media.StatesNoLength ? null : stream.Duration?.TotalSeconds);
        double? expected = stated > take?.TotalSeconds ? take?.TotalSeconds : stated;
        double slack = stream.CutFrom is null ? TruncationCheck.Slack(expected ?? 0) : 0.005; // it is known what is missing: only rounding
        bool isSuspicious =
            seconds < expected - slack || TruncationCheck.Complains(errors) || (take is null && TruncationCheck.EndsWithinPacket(media));
        if (isSuspicious && await TruncationCheck.IsCutAsync(media, errors, tools, cancellationToken).ConfigureAwait(false))
        {
            string name = MediaFile.Show(media.Path);
            return Sentence.Say(
                seconds < expected
                    ? (Sentence)
                        $"{name} should have {stated:0.0#} s of sound, but only {seconds:0.0#} s could be decoded: the file is truncated or damaged, and the rest is missing."
                    : $"Only {seconds:0.0#} s of the sound of {name} could be decoded: the file is truncated or damaged, and the rest is missing."
            );
        }

        return errors.Text.Length > 0
            ? Sentence.Say($"ffmpeg found damage in the sound of {MediaFile.Show(media.Path)} and continued: {errors.LastLines(1)}")
            : null;
    }

    private static TimeSpan CheckedLimit(int sampleRate, TimeSpan? maximumDuration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sampleRate, 1000);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sampleRate, 384_000);
        TimeSpan limit = maximumDuration ?? DefaultMaximumDuration;
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(limit, TimeSpan.Zero, nameof(maximumDuration));
        return limit;
    }

    private static int Expected(TimeSpan? duration, int sampleRate, int maximumSamples) =>
        (int)Math.Clamp((duration?.TotalSeconds ?? 60) * sampleRate + sampleRate, sampleRate, maximumSamples);

    /// <summary>Reads 16-bit samples to the end of the stream into an array that grows as needed.</summary>
    private static async Task<float[]> CollectAsync(
        Stream source,
        Func<MediaException> tooLong,
        int silence,
        int maximumSamples,
        int expectedSamples
    )
    {
        var samples = new float[Math.Max(silence, expectedSamples)];
        int count = silence;
        byte[] block = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            for (
                int read;
                (
                    read = await source
                        .ReadAtLeastAsync(block.AsMemory(0, BlockBytes), BlockBytes, throwOnEndOfStream: false)
                        .ConfigureAwait(false)
                ) >= sizeof(short);

            )
            {
                int more = read / sizeof(short);
                if (count + (long)more > maximumSamples)
                {
                    throw tooLong();
                }

                if (count + more > samples.Length)
                {
                    Array.Resize(ref samples, (int)Math.Min(maximumSamples, Math.Max(count + (long)more, samples.Length * 2L)));
                }

                Convert(block.AsSpan(0, more * sizeof(short)), samples.AsSpan(count, more));
                count += more;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }

        Array.Resize(ref samples, count);
        return samples;
    }

    private static void Convert(ReadOnlySpan<byte> bytes, Span<float> samples)
    {
        for (int i = 0; i < samples.Length; i++)
        {
            samples[i] = BinaryPrimitives.ReadInt16LittleEndian(bytes[(2 * i)..]) / 32768f;
        }
    }

    private static MediaException TooLong(string path, TimeSpan limit) =>
        new(
            MediaFault.OutOfBounds,
            $"The audio of {MediaFile.Show(path)} is longer than {limit.TotalHours:0.##} hours, the most that can be read at once: split it.",
            path
        );

    /// <summary>Silence where time stamps leave a gap, cuts where they overlap, as players do. Shorter than this (seconds) is
    /// rounding.</summary>
    internal const string OnTime = "aresample=async=1:min_hard_comp=0.03";

    private static string[] Arguments(
        MediaInfo media,
        AudioStreamInfo stream,
        int sampleRate,
        bool isWithPicture,
        TimeSpan? take,
        int? channel
    ) =>
        [
            "-v",
            "error",
            "-hide_banner",
            "-nostdin",
            "-threads",
            "0",
            .. media.InputArguments,
            "-map",
            string.Create(CultureInfo.InvariantCulture, $"0:{stream.StreamIndex}"),
            "-af",
            channel is { } one ? string.Create(CultureInfo.InvariantCulture, $"{OnTime},pan=mono|c0=c{one}") : OnTime,
            "-f",
            "s16le",
            "-acodec",
            "pcm_s16le",
            "-ac",
            "1",
            "-ar",
            sampleRate.ToString(CultureInfo.InvariantCulture),
            .. Limit(take),
            "pipe:1",
            .. isWithPicture && media.Video is { } video
                ? [.. Limit(take), .. MediaTimeline.Companion(0, video.StreamIndex)]
                : Array.Empty<string>(),
        ];

    private static string[] Limit(TimeSpan? take) =>
        take is { } part ? ["-t", part.TotalSeconds.ToString("0.######", CultureInfo.InvariantCulture)] : [];
}
