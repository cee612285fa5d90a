using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Video.Reading;

/// <summary>Streams a video's frames, upright, as RGB24 at a constant rate. Memory is bounded by a few frames however long the video
/// is.</summary>
/// <remarks>Each call of <see cref="ReadAsync"/> or <see cref="ReadRangeAsync"/> starts one ffmpeg of its own. Frame k is the same picture
/// in every pass. docs/decisions/0003-frames-and-colour.md tells how rates and colours map.</remarks>
public sealed class VideoReader
{
    /// <summary>Bytes of frames decoded ahead of the consumer, at most (but always one frame).</summary>
    public const long PrefetchBytes = 64L << 20;

    private const int MaximumPrefetch = 8;
    private readonly FfmpegTools _tools;
    private readonly List<string> _warnings = [];
    private readonly FramePool _pool;
    private readonly int _prefetch;
    private readonly bool _isWithSound;
    private volatile bool _isTransparent;

    /// <summary>Prepares to read a file that was examined.</summary>
    /// <param name="media">From <see cref="MediaProbe.ProbeAsync"/>.</param>
    /// <param name="tools">ffmpeg to use.</param>
    /// <param name="timeline">Where the picture lies beside the sound of the same file: one that begins later stands still until then.
    /// null: frame 0 is the file's first.</param>
    /// <exception cref="MediaException"><see cref="MediaFault.NoVideo"/>.</exception>
    public VideoReader(MediaInfo media, FfmpegTools tools, MediaTimeline? timeline = null)
    {
        ArgumentNullException.ThrowIfNull(media);
        ArgumentNullException.ThrowIfNull(tools);
        Media = media;
        Stream = media.RequireVideo();
        _tools = tools;
        _prefetch = (int)Math.Clamp(PrefetchBytes / FrameBytes, 1, MaximumPrefetch);
        _pool = new FramePool(FrameBytes, _prefetch + 2);
        _isWithSound = timeline is not null && media.Audio is not null;
        LeadingFrames =
            timeline is null || media.IsStillImage ? 0 : (long)Math.Round(timeline.PictureStart.TotalSeconds * FrameRate.ToDouble());
    }

    /// <summary>What was found out about the file.</summary>
    public MediaInfo Media { get; }

    /// <summary>The video track that is read.</summary>
    public VideoStreamInfo Stream { get; }

    /// <summary>Width of the frames in pixels.</summary>
    public int Width => Stream.Width;

    /// <summary>Height of the frames in pixels.</summary>
    public int Height => Stream.Height;

    /// <summary>Frames per second of the delivered sequence.</summary>
    public Rational FrameRate => Stream.FrameRate;

    /// <summary>How many times the first frame is repeated at the start, because the sound of the same file begins so much earlier: the
    /// delay in frames, rounded to the nearest, so that no frame is lost or doubled later on.</summary>
    public long LeadingFrames { get; }

    /// <summary>Width x Height x 3.</summary>
    public int FrameBytes => checked(3 * Stream.Width * Stream.Height);

    /// <summary>What shows where the video is transparent. Default black.</summary>
    public MatteColour Matte { get; init; }

    /// <summary>What was changed in the pictures that were read so far.</summary>
    public IReadOnlyList<string> Notes =>
        _isTransparent ? [Sentence.Say($"The video has transparent areas, which are filled with the matte colour {Matte}.")] : [];

    /// <summary>Frames in all; null until a pass has reached the end.</summary>
    public long? TotalFrames { get; private set; }

    /// <summary>What went wrong without stopping the reading: a truncated file, damaged frames.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Opens a file.</summary>
    /// <param name="path">Video or still picture.</param>
    /// <param name="tools">ffmpeg to use.</param>
    /// <param name="cancellationToken">Stops the examination.</param>
    /// <exception cref="MediaException">See <see cref="MediaProbe.ProbeAsync"/>; <see cref="MediaFault.NoVideo"/>.</exception>
    public static async Task<VideoReader> OpenAsync(string path, FfmpegTools tools, CancellationToken cancellationToken = default) =>
        new(await MediaProbe.ProbeAsync(path, tools, cancellationToken).ConfigureAwait(false), tools);

    /// <summary>All frames in order.</summary>
    /// <param name="cancellationToken">Stops ffmpeg and the enumeration.</param>
    /// <returns>Frames with indices 0, 1, ...; dispose each.</returns>
    /// <exception cref="MediaException"><see cref="MediaFault.Corrupt"/>: not one frame could be decoded; <see
    /// cref="MediaFault.ToolFailed"/>: ffmpeg failed or died (<see cref="FfmpegFailedException"/> with its last words).</exception>
    public IAsyncEnumerable<VideoFrame> ReadAsync(CancellationToken cancellationToken = default) => StreamAsync(0, null, cancellationToken);

    /// <summary>The frames first ... first + count - 1, exactly those that a full pass gives these indices. Decodes from the start: right
    /// before fast.</summary>
    /// <param name="first">Index of the first frame.</param>
    /// <param name="count">Number of frames; fewer come when the video ends before.</param>
    /// <param name="cancellationToken">Stops ffmpeg and the enumeration.</param>
    /// <exception cref="MediaException">As <see cref="ReadAsync"/>.</exception>
    public IAsyncEnumerable<VideoFrame> ReadRangeAsync(long first, long count, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return count == 0 ? Nothing() : StreamAsync(first, count, cancellationToken);
    }

    /// <summary>Decodes the video once to learn which stored frame each of the delivered frames shows.</summary>
    /// <exception cref="MediaException"><see cref="MediaFault.ToolFailed"/>.</exception>
    internal async Task<StoredFrameMap> MapStoredFramesAsync(CancellationToken cancellationToken)
    {
        if (Media.IsStillImage)
        {
            return new StoredFrameMap([0]);
        }

        string[] output =
        [
            "-vf",
            $"{Size},setpts=PTS-STARTPTS,scale=16:16:flags=neighbor",
            .. _tools.PassThroughFrames,
            "-enc_time_base",
            "1:1000000",
            "-f",
            "framecrc",
            "pipe:1",
        ];
        await using ChildProcess ffmpeg = ChildProcess.Start(
            _tools.FfmpegPath,
            [.. Input, .. output, .. Companion],
            writesInput: false,
            cancellationToken
        );
        var times = new List<long>();
        using (var lines = new StreamReader(ffmpeg.Output, leaveOpen: true))
        {
            await foreach (long time in StoredFrameMap.TimesAsync(lines).ConfigureAwait(false))
            {
                times.Add(time);
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
        int exitCode = await ffmpeg.WaitAsync().ConfigureAwait(false);
        return times.Count > 0 && exitCode is 0 or DamageExitCode
            ? StoredFrameMap.Of(times, FrameRate, LeadingFrames)
            : throw new FfmpegFailedException(
                MediaFault.ToolFailed,
                $"ffmpeg found no frames to count in {MediaFile.Show(Media.Path)}: {ffmpeg.Errors.LastLines(2)}",
                exitCode,
                ffmpeg.Errors.Text,
                Media.Path
            );
    }

    /// <summary>True when each delivered frame is one stored frame.</summary>
    internal Task<bool> IsOneToOneAsync(CancellationToken cancellationToken) =>
        StoredFrameMap.IsOneToOneAsync(this, _tools, cancellationToken);

    private static async IAsyncEnumerable<VideoFrame> Nothing()
    {
        await Task.CompletedTask.ConfigureAwait(false);
        yield break;
    }

    private async IAsyncEnumerable<VideoFrame> StreamAsync(
        long first,
        long? count,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        await using ChildProcess ffmpeg = ChildProcess.Start(
            _tools.FfmpegPath,
            Arguments(first, count),
            writesInput: false,
            cancellationToken
        );
        Started?.Invoke(ffmpeg.Id);
        var frames = Channel.CreateBounded<VideoFrame>(new BoundedChannelOptions(_prefetch) { SingleReader = true, SingleWriter = true });
        using var abandoned = new CancellationTokenSource();
        Task pump = PumpAsync(ffmpeg, first, frames.Writer, abandoned.Token);
        try
        {
            long delivered = 0;
            await foreach (VideoFrame frame in frames.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                if (cancellationToken.IsCancellationRequested)
                {
                    frame.Dispose();
                    cancellationToken.ThrowIfCancellationRequested();
                }

                delivered++;
                yield return frame;
            }

            await pump.ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            int exitCode = await ffmpeg.WaitAsync().ConfigureAwait(false);
            await ConcludeAsync(first, count, delivered, exitCode, ffmpeg.Errors, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await abandoned.CancelAsync().ConfigureAwait(false);
            ffmpeg.Kill();
            await pump.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (frames.Reader.TryRead(out VideoFrame? left))
            {
                left.Dispose();
            }
        }
    }

    /// <summary>Called with the process number of every ffmpeg started; lets tests kill it.</summary>
    internal Action<int>? Started { get; set; }

    /// <summary>Reads whole frames from the pipe until it ends; the rest of a cut frame is dropped (the exit code tells why).</summary>
    private async Task PumpAsync(ChildProcess ffmpeg, long first, ChannelWriter<VideoFrame> writer, CancellationToken abandoned)
    {
        byte[]? rgba = Stream.MayBeTransparent ? new byte[checked(4 * Width * Height)] : null;
        try
        {
            for (long index = first; ; index++)
            {
                byte[] rgb = _pool.Rent();
                byte[] picture = rgba ?? rgb;
                int read = await ffmpeg
                    .Output.ReadAtLeastAsync(picture, picture.Length, throwOnEndOfStream: false, CancellationToken.None)
                    .ConfigureAwait(false);
                if (read < picture.Length)
                {
                    _pool.Return(rgb);
                    return;
                }

                if (rgba is not null && Matte.PutUnder(rgba, rgb))
                {
                    _isTransparent = true;
                }

                await writer.WriteAsync(new VideoFrame(Width, Height, rgb, index, _pool), abandoned).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (abandoned.IsCancellationRequested)
        {
            // The consumer broke off; the frame in hand goes to the collector.
        }
        finally
        {
            writer.Complete();
        }
    }

    private async Task ConcludeAsync(
        long first,
        long? count,
        long delivered,
        int exitCode,
        ErrorTail errors,
        CancellationToken cancellationToken
    )
    {
        if (exitCode != 0 && !(delivered > 0 && exitCode == DamageExitCode))
        {
            throw new FfmpegFailedException(
                MediaFault.ToolFailed,
                $"ffmpeg failed with {ExitOf(exitCode)} after {delivered} frames of {MediaFile.Show(Media.Path)}: {errors.LastLines(3)}",
                exitCode,
                errors.Text,
                Media.Path
            );
        }

        if (first == 0 && delivered == 0)
        {
            throw new FfmpegFailedException(
                MediaFault.Corrupt,
                $"No frame of {MediaFile.Show(Media.Path)} ({Stream.Codec}) could be decoded: the file is damaged or "
                    + $"incomplete: {errors.LastLines(3)}",
                exitCode,
                errors.Text,
                Media.Path
            );
        }

        bool reachedEnd = count is null || delivered < count;
        if (reachedEnd && TotalFrames is null && (delivered > 0 || first == 0))
        {
            TotalFrames = first + delivered;
            await NoteDamageAsync(first + delivered - LeadingFrames, errors, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task NoteDamageAsync(long total, ErrorTail errors, CancellationToken cancellationToken)
    {
        long? expected = Stream.ExpectedFrames;
        double slack = TruncationCheck.Slack(expected / FrameRate.ToDouble() ?? 0) * FrameRate.ToDouble();
        bool isSuspicious =
            expected - Math.Max(2, slack) > total || TruncationCheck.Complains(errors) || TruncationCheck.EndsWithinPacket(Media);
        if (isSuspicious && await TruncationCheck.IsCutAsync(Media, errors, _tools, cancellationToken).ConfigureAwait(false))
        {
            _warnings.Add(
                Sentence.Say(
                    expected > total
                        ? (Sentence)
                            $"Only {total} of about {expected} frames could be decoded: the file is truncated or damaged, and only these are used."
                        : $"Only {total} frames could be decoded: the file is truncated or damaged, and only these are used."
                )
            );
        }
        else if (errors.Text.Length > 0)
        {
            _warnings.Add(Sentence.Say($"ffmpeg found damage in the video and continued: {errors.LastLines(1)}"));
        }
    }

    /// <summary>Newer ffmpeg ends so when most packets were undecodable although some frames came.</summary>
    private const int DamageExitCode = 69;

    internal static Sentence ExitOf(int exitCode) =>
        exitCode is > 128 and < 160 ? (Sentence)$"exit code {exitCode} (killed by signal {exitCode - 128})" : $"exit code {exitCode}";

    private List<string> Arguments(long first, long? count)
    {
        var filters = new List<string>();
        if (!Media.IsStillImage)
        {
            // Frames of another size or format are brought to the first one's here, before the rate filter, by a scaler that stays as the
            // graph is kept: ffmpeg would build the graph anew, and the rate filter would lose the frames it holds.
            filters.Add(Size);
            filters.Add(
                LeadingFrames == 0
                    ? "setpts=PTS-STARTPTS"
                    : string.Create(
                        CultureInfo.InvariantCulture,
                        $"setpts=PTS-STARTPTS+{LeadingFrames}*{FrameRate.Denominator}/({FrameRate.Numerator}*TB)"
                    )
            );
            filters.Add($"fps=fps={FrameRate}:round=near{(LeadingFrames == 0 ? string.Empty : ":start_time=0")}");
        }

        if (first > 0 || count is not null)
        {
            filters.Add(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"trim=start_frame={first}{(count is null ? "" : $":end_frame={first + count}")}"
                )
            );
        }

        // Chroma is repeated, not interpolated, so that averaging it back on encoding gives the stored values again.
        filters.Add($"{Size}{Colours}:flags=neighbor+accurate_rnd+full_chroma_int");
        filters.Add($"format={PipeFormat}");
        if (Stream.Orientation != FrameOrientation.Upright)
        {
            filters.Add(Stream.Orientation.Filters());
        }

        return
        [
            .. Input,
            "-vf",
            string.Join(',', filters),
            .. _tools.PassThroughFrames,
            .. Media.IsStillImage ? ["-frames:v", "1"] : Array.Empty<string>(),
            "-pix_fmt",
            PipeFormat,
            "-f",
            "rawvideo",
            "pipe:1",
            .. Companion,
        ];
    }

    private string[] Input =>
        [
            "-v",
            "error",
            "-hide_banner",
            "-nostdin",
            "-noautorotate",
            "-reinit_filter",
            "0",
            .. Stream.Decoder is null
                ? Array.Empty<string>()
                : [string.Create(CultureInfo.InvariantCulture, $"-c:{Stream.StreamIndex}"), Stream.Decoder],
            .. Media.InputArguments,
            "-map",
            string.Create(CultureInfo.InvariantCulture, $"0:{Stream.StreamIndex}"),
        ];

    private string[] Companion => _isWithSound ? MediaTimeline.Companion(0, Media.RequireAudio().StreamIndex) : [];

    private string PipeFormat => Stream.MayBeTransparent ? "rgba" : "rgb24";

    private string Size => string.Create(CultureInfo.InvariantCulture, $"scale=w={Stream.CodedWidth}:h={Stream.CodedHeight}");

    /// <summary>What is tagged is left to each frame, since a recording may change it on the way; what is not is stated.</summary>
    private string Colours =>
        VideoColor.HoldsRgb(Stream.PixelFormat)
            ? string.Empty
            : (Stream.IsMatrixTagged ? string.Empty : $":in_color_matrix={Stream.Color.ScalerMatrix}")
                + (Stream.IsRangeTagged ? string.Empty : $":in_range={Stream.Color.Range}")
                + ":out_range=pc";
}
