using System.Globalization;
using System.Text;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Video.Probing;

/// <summary>Where the picture and the sound of one file lie on their common time axis. Zero is the earliest moment at which one of the
/// tracks in use presents anything; so one of the two starts is always zero.</summary>
/// <remarks>Both tracks are used together when video and speech are one file. A track that is used alone begins at its own zero: no
/// timeline is needed then.</remarks>
public sealed record MediaTimeline
{
    private MediaTimeline(TimeSpan zero, TimeSpan picture, TimeSpan sound, bool isShared)
    {
        (Zero, PictureStart, SoundStart) = (zero, picture - zero, sound - zero);
        IsShared = isShared;
    }

    /// <summary>Presentation time of the first decoded frame, 0 or more.</summary>
    public TimeSpan PictureStart { get; }

    /// <summary>Presentation time of the first decoded sample, 0 or more.</summary>
    public TimeSpan SoundStart { get; }

    /// <summary>The axis' zero on ffmpeg's own clock, which starts where the container says that its first track does: earlier than
    /// anything is presented where a codec's start-up samples or hidden frames come first.</summary>
    internal TimeSpan Zero { get; }

    /// <summary>False when the picture of the file is not used.</summary>
    internal bool IsShared { get; }

    /// <summary>Decodes the first frame and the first sound of a file to learn when they are presented: what headers say leaves out edit
    /// lists, frames that cannot be decoded and start-up samples.</summary>
    /// <param name="media">A file with picture and sound.</param>
    /// <param name="tools">ffmpeg to use.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>The timeline; null when the two tracks cannot be related: one is missing or does not decode, or the picture is a
    /// still.</returns>
    public static async Task<MediaTimeline?> MeasureAsync(MediaInfo media, FfmpegTools tools, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(media);
        ArgumentNullException.ThrowIfNull(tools);
        if (media.IsStillImage || media is not { Video: { } video, Audio: { } audio })
        {
            return null;
        }

        (TimeSpan? picture, TimeSpan? sound) = await FirstMomentsAsync(media, video, audio, tools, cancellationToken).ConfigureAwait(false);
        return picture is { } v && sound is { } a ? new MediaTimeline(v < a ? v : a, v, a, isShared: true) : null;
    }

    /// <summary>The timeline of a sound that is used without its file's picture: it starts at zero.</summary>
    internal static async Task<MediaTimeline> OfSoundAsync(MediaInfo media, FfmpegTools tools, CancellationToken cancellationToken)
    {
        AudioStreamInfo audio = media.RequireAudio();
        bool hasNoDelay = media.Container is "wav" && audio.Codec.StartsWith("pcm_", StringComparison.Ordinal);
        TimeSpan? sound = hasNoDelay
            ? null
            : (await FirstMomentsAsync(media, null, audio, tools, cancellationToken).ConfigureAwait(false)).Sound;
        TimeSpan zero = sound ?? TimeSpan.Zero;
        return new MediaTimeline(zero, zero, zero, isShared: false);
    }

    /// <summary>An output that reads the other track of the file and drops it. Where time stamps jump (recordings put together), ffmpeg
    /// moves its clock by what the tracks in use tell, so that picture and sound must both be in use whichever of them is wanted.</summary>
    /// <param name="input">Number of the input.</param>
    /// <param name="streamIndex">The other track.</param>
    internal static string[] Companion(int input, int streamIndex) =>
        ["-map", string.Create(CultureInfo.InvariantCulture, $"{input}:{streamIndex}"), "-c", "copy", "-f", "null", "-"];

    private static async Task<(TimeSpan? Picture, TimeSpan? Sound)> FirstMomentsAsync(
        MediaInfo media,
        VideoStreamInfo? video,
        AudioStreamInfo audio,
        FfmpegTools tools,
        CancellationToken cancellationToken
    )
    {
        // Two outputs share the pipe and are told apart by their kind of checksum; one output would end with its first track.
        string[] picture = video is null
            ? []
            :
            [
                "-map",
                Stream(video.StreamIndex),
                "-frames:v",
                "1",
                .. tools.PassThroughFrames,
                .. Microseconds,
                "-f",
                "framecrc",
                "pipe:1",
            ];
        (_, byte[] answer, _) = await ChildProcess
            .RunAsync(
                tools.FfmpegPath,
                [
                    "-v",
                    "error",
                    "-hide_banner",
                    "-nostdin",
                    "-noautorotate",
                    .. media.InputArguments,
                    .. picture,
                    "-map",
                    Stream(audio.StreamIndex),
                    "-frames:a",
                    "1",
                    .. Microseconds,
                    "-f",
                    "framemd5",
                    "pipe:1",
                ],
                1 << 16,
                cancellationToken
            )
            .ConfigureAwait(false);
        string[][] lines =
        [
            .. Encoding
                .ASCII.GetString(answer)
                .Split('\n')
                .Where(l => !l.StartsWith('#'))
                .Select(l => l.Split(',', StringSplitOptions.TrimEntries)),
        ];
        return (Moment(lines, isCrc: true), Moment(lines, isCrc: false));
    }

    private static string[] Microseconds => ["-enc_time_base", "1:1000000"];

    private static string Stream(int index) => string.Create(CultureInfo.InvariantCulture, $"0:{index}");

    /// <summary>Presentation time in the line "stream, dts, pts, duration, size, checksum".</summary>
    private static TimeSpan? Moment(string[][] lines, bool isCrc)
    {
        string[]? line = lines.FirstOrDefault(l => l.Length >= 6 && l[5].StartsWith("0x", StringComparison.Ordinal) == isCrc);
        return
            line is not null
            && long.TryParse(line[2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long microseconds)
            && Math.Abs(microseconds) < 1L << 50
            ? TimeSpan.FromMicroseconds(microseconds)
            : null;
    }
}
