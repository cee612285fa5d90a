using System.Globalization;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Video.Writing;

/// <summary>Writes RGB24 frames as H.264, encoded once, with the speech as audio track; the file appears complete or not at all.</summary>
/// <remarks>Frames go through a pipe to x264 into a private file beside the target. <see cref="CompleteAsync"/> adds the audio without
/// touching the video, lets ffprobe check the file, and only then moves it into place. Whatever happens before leaves no file
/// behind.</remarks>
public sealed class VideoWriter : IAsyncDisposable
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(1);
    private readonly VideoWriterOptions _options;
    private readonly OutputContainer _container;
    private readonly FfmpegTools _tools;
    private readonly MediaInfo? _audio;
    private readonly MediaTimeline? _timeline;
    private readonly CarriedTracks _carried;
    private readonly PartialFile _picture;
    private readonly ChildProcess _encoder;
    private readonly CancellationToken _cancellation;
    private readonly List<string> _notes = [];
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _unwatched = new();
    private readonly Task _watch;
    private bool _closed;

    private VideoWriter(
        VideoWriterOptions options,
        OutputContainer container,
        FfmpegTools tools,
        MediaInfo? audio,
        MediaTimeline? timeline,
        PartialFile picture,
        CancellationToken cancellation
    )
    {
        _options = options;
        _container = container;
        _tools = tools;
        _audio = audio;
        _timeline = timeline;
        _carried =
            audio is null || options.TracksOf is not { } source
                ? CarriedTracks.None
                : CarriedTracks.Of(source, options.AudioTimeline?.Zero ?? source.RequireVideo().StartOffset, container);
        _notes.AddRange(_carried.Notes);
        _picture = picture;
        _cancellation = cancellation;
        if (!IsEven)
        {
            _notes.Add(
                Sentence.Say(
                    $"The picture is {options.Width}x{options.Height}: an odd side cannot be stored as yuv420p, so it is stored as yuv444p, which some players cannot show."
                )
            );
        }

        _encoder = ChildProcess.Start(tools.FfmpegPath, EncoderArguments(), writesInput: true, cancellation);
        _watch = WatchAsync();
    }

    /// <summary>Cancelled when the encoder has died or the output's folder is gone: work on further frames would be in vain. <see
    /// cref="LostReasonAsync"/> says why.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Frames taken so far.</summary>
    public long FramesWritten { get; private set; }

    /// <summary>Process number of the encoder, for tests.</summary>
    internal int EncoderId => _encoder.Id;

    private bool IsEven => _options.Width % 2 == 0 && _options.Height % 2 == 0;

    /// <summary>Checks everything that can be checked beforehand and starts the encoder.</summary>
    /// <param name="options">What to write.</param>
    /// <param name="tools">ffmpeg to use.</param>
    /// <param name="cancellationToken">For the writer's whole life: stops the encoder.</param>
    /// <exception cref="MediaException">The output's name, folder or container is wrong, it is an input, or the speech has no audio
    /// track.</exception>
    /// <exception cref="FfmpegNotFoundException">This ffmpeg lacks the encoder.</exception>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public static async Task<VideoWriter> CreateAsync(
        VideoWriterOptions options,
        FfmpegTools tools,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(tools);
        OutputContainer container = options.Validate();
        tools.RequireEncoder("libx264");
        MediaInfo? audio = null;
        MediaTimeline? timeline = options.AudioTimeline;
        if (options.AudioPath is not null)
        {
            audio = await MediaProbe.ProbeAsync(options.AudioPath, tools, cancellationToken).ConfigureAwait(false);
            timeline ??= await MediaTimeline.OfSoundAsync(audio, tools, cancellationToken).ConfigureAwait(false);
            SpeechTrackPlan plan = SpeechTrackPlan.For(audio.RequireAudio(), container, 1);
            if (!plan.IsCopy)
            {
                tools.RequireEncoder(plan.Codec);
            }
        }

        PartialFile picture = MediaOutput.Begin(options.OutputPath);
        try
        {
            return new VideoWriter(options, container, tools, audio, timeline, picture, cancellationToken);
        }
        catch
        {
            picture.Dispose();
            throw;
        }
    }

    /// <summary>Checks what <see cref="CreateAsync"/> would refuse and whether the output's folder can be written; leaves nothing there.
    /// For callers that have long work to do before the first frame.</summary>
    /// <param name="options">What will be written.</param>
    /// <param name="tools">ffmpeg that will write it.</param>
    /// <exception cref="MediaException">The output's name, folder or container is wrong, or it is an input.</exception>
    /// <exception cref="FfmpegNotFoundException">This ffmpeg lacks the encoder.</exception>
    public static void Check(VideoWriterOptions options, FfmpegTools tools)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(tools);
        options.Validate();
        tools.RequireEncoder("libx264");
        MediaOutput.Begin(options.OutputPath).Dispose();
    }

    /// <summary>Appends a frame.</summary>
    /// <param name="frame">Of the options' size. Neither kept nor disposed.</param>
    /// <exception cref="MediaException"><see cref="MediaFault.DiskFull"/>, <see cref="MediaFault.ToolFailed"/>: the encoder
    /// ended.</exception>
    public Task WriteAsync(VideoFrame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        return frame.Width == _options.Width && frame.Height == _options.Height
            ? WriteAsync(frame.Rgb)
            : throw new ArgumentException(
                $"The frame is {frame.Width}x{frame.Height}, but the video is {_options.Width}x{_options.Height}.",
                nameof(frame)
            );
    }

    /// <summary>Appends a frame.</summary>
    /// <param name="rgb">Width x Height x 3 bytes, packed RGB24.</param>
    /// <exception cref="MediaException"><see cref="MediaFault.DiskFull"/>, <see cref="MediaFault.ToolFailed"/>: the encoder
    /// ended.</exception>
    public async Task WriteAsync(ReadOnlyMemory<byte> rgb)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        long required = 3L * _options.Width * _options.Height;
        if (rgb.Length != required)
        {
            throw new ArgumentException(
                $"The frame has {rgb.Length} bytes, but a {_options.Width}x{_options.Height} RGB24 frame has {required}.",
                nameof(rgb)
            );
        }

        if (!_picture.IsThere)
        {
            throw MediaOutput.Lost(_options.OutputPath);
        }

        try
        {
            await _encoder.Input.WriteAsync(rgb, _cancellation).ConfigureAwait(false);
            FramesWritten++;
        }
        catch (IOException)
        {
            // The encoder closed its end: its exit code and last words say why.
            _closed = true;
            throw Failure("encoding", await _encoder.WaitAsync().ConfigureAwait(false), _encoder.Errors);
        }
    }

    /// <summary>Finishes the file: ends the encoder, adds the audio, checks the result, moves it into place.</summary>
    /// <exception cref="MediaException"><see cref="MediaFault.DiskFull"/>, <see cref="MediaFault.ToolFailed"/>, <see
    /// cref="MediaFault.Verification"/>; the target is then as it was before.</exception>
    /// <exception cref="InvalidOperationException">No frame was written.</exception>
    public async Task<WrittenVideo> CompleteAsync()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (FramesWritten == 0)
        {
            throw new InvalidOperationException("A video needs at least one frame, but none was written.");
        }

        _closed = true;
        await UnwatchAsync().ConfigureAwait(false);
        int exitCode = await EndEncoderAsync().ConfigureAwait(false);

        if (!_picture.IsThere)
        {
            throw MediaOutput.Lost(_options.OutputPath);
        }

        // Where the disk fills up with the very last bytes, ffmpeg complains but ends as if all were well.
        if (exitCode != 0 || _encoder.Errors.TellsOfAFullDisk)
        {
            throw Failure("encoding", exitCode, _encoder.Errors);
        }

        if (_audio is null)
        {
            return await PublishAsync(_picture, null).ConfigureAwait(false);
        }

        SpeechTrackPlan plan = SpeechTrackPlan.For(_audio.RequireAudio(), _container, Seconds);
        using PartialFile joined = MediaOutput.Begin(_options.OutputPath);
        var join = new SpeechJoin(_tools, _audio, _timeline!, plan, Seconds);
        JoinedSpeech speech = await join.RunAsync(_picture.Path, _carried, _options.OutputPath, [.. Finish(joined.Path)], _cancellation)
            .ConfigureAwait(false);
        if (speech.ExitCode != 0 || speech.IsDiskFull)
        {
            throw Failure("adding the audio to", speech.ExitCode, speech.Errors);
        }

        _notes.AddRange(speech.Notes);
        CompareSound(speech.SoundEnd);
        if (!plan.IsCopy)
        {
            _notes.Add(
                Sentence.Say(
                    $"Audio was converted from {_audio.RequireAudio().Codec} to {plan.Codec} because {_container.Extension} can't store it unchanged."
                )
            );
        }

        return await PublishAsync(joined, plan).ConfigureAwait(false);
    }

    /// <summary>Stops the encoder and removes what is unfinished.</summary>
    public async ValueTask DisposeAsync()
    {
        _closed = true;
        await UnwatchAsync().ConfigureAwait(false);
        await _encoder.DisposeAsync().ConfigureAwait(false);
        _picture.Dispose();
    }

    /// <summary>Why <see cref="Lost"/> was cancelled.</summary>
    public async Task<MediaException> LostReasonAsync() =>
        _picture.IsThere
            ? Failure("encoding", await _encoder.WaitAsync().ConfigureAwait(false), _encoder.Errors)
            : MediaOutput.Lost(_options.OutputPath);

    // Between two frames lies a chunk's work, hours on a slow machine: a frame that cannot be written must not be the first to tell.
    private async Task WatchAsync()
    {
        Task ended = _encoder.EndedAsync();
        while (!_unwatched.IsCancellationRequested)
        {
            await Task.WhenAny(ended, Task.Delay(WatchInterval, _unwatched.Token)).ConfigureAwait(false);
            if (!_unwatched.IsCancellationRequested && (ended.IsCompleted || !_picture.IsThere))
            {
                await _lost.CancelAsync().ConfigureAwait(false);
                return;
            }
        }
    }

    private async Task UnwatchAsync()
    {
        await _unwatched.CancelAsync().ConfigureAwait(false);
        await _watch.ConfigureAwait(false);
    }

    private double Seconds => FramesWritten / _options.FrameRate.ToDouble();

    private async Task<int> EndEncoderAsync()
    {
        try
        {
            await _encoder.Input.DisposeAsync().ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It ended before the last bytes; the exit code says so.
        }

        return await _encoder.WaitAsync().ConfigureAwait(false);
    }

    private async Task<WrittenVideo> PublishAsync(PartialFile file, SpeechTrackPlan? plan)
    {
        ProbeDocument document = await MediaProbe.CountPacketsAsync(file.Path, _tools, _cancellation).ConfigureAwait(false);
        Verify(document, plan);
        NoteWhatIsLost(document);
        if (plan is { IsCopy: true })
        {
            CompareSound(MediaProbe.AudioEnd(document));
        }

        long bytes = new FileInfo(file.Path).Length;
        _cancellation.ThrowIfCancellationRequested();
        MediaOutput.Publish(file, _options.OutputPath);
        return new WrittenVideo(
            Path.GetFullPath(_options.OutputPath),
            FramesWritten,
            TimeSpan.FromSeconds(Seconds),
            plan?.Codec,
            plan?.IsCopy ?? false,
            bytes,
            _notes
        );
    }

    private void Verify(ProbeDocument document, SpeechTrackPlan? plan)
    {
        ProbeStream? video = document.Streams?.FirstOrDefault(s => s.CodecType == "video");
        ProbeStream? audio = document.Streams?.FirstOrDefault(s => s.CodecType == "audio");
        Sentence expected = Contents(FramesWritten, _options.Width, _options.Height, plan?.Codec);
        Sentence found = video is null ? "no video track" : Contents(video.PacketCount, video.Width, video.Height, audio?.CodecName);
        bool right =
            video is not null
            && video.PacketCount == FramesWritten.ToString(CultureInfo.InvariantCulture)
            && (video.Width, video.Height) == (_options.Width, _options.Height)
            && plan?.Codec == audio?.CodecName;
        if (!right)
        {
            throw new MediaException(
                MediaFault.Verification,
                $"The finished video holds {found}, but {expected} were written. It was discarded; {MediaFile.Show(_options.OutputPath)} is unchanged.",
                _options.OutputPath
            );
        }
    }

    private static Sentence Contents(object? frames, int width, int height, string? audio) =>
        audio is null ? (Sentence)$"{frames} frames of {width}x{height}" : $"{frames} frames of {width}x{height} and {audio} audio";

    /// <summary>Containers keep some things in few bits only: what is not in the file is said.</summary>
    private void NoteWhatIsLost(ProbeDocument document)
    {
        Rational found =
            Rational.TryParse(document.Streams!.First(s => s.CodecType == "video").SampleAspectRatio, out Rational shape)
            && shape.Numerator > 0
                ? shape
                : Rational.One;
        if (found != _options.SampleAspectRatio)
        {
            _notes.Add(
                Sentence.Say(
                    $"The video's pixel aspect ratio is {_options.SampleAspectRatio}: {_container.Extension} can't store that exactly, so the result has {found}."
                )
            );
        }

        if (_carried.LostLanguages(document) is { } lost)
        {
            _notes.Add(lost);
        }
    }

    private void CompareSound(double? end)
    {
        if (SpeechLength.Compare(_audio!, _options.AudioSeconds is { } seconds ? Math.Min(seconds, Seconds) : null, end) is { } note)
        {
            _notes.Add(note);
        }
    }

    private FfmpegFailedException Failure(Sentence doing, int exitCode, ErrorTail errors)
    {
        const int FileSizeSignal = 128 + 25; // SIGXFSZ
        string text = errors.Text;
        bool full = exitCode == FileSizeSignal || errors.TellsOfAFullDisk;
        string output = MediaFile.Show(_options.OutputPath);
        return full
            ? new FfmpegFailedException(
                MediaFault.DiskFull,
                $"The disk is full while {doing} {output}: free some space or choose another folder; nothing was replaced.",
                exitCode,
                text,
                _options.OutputPath
            )
            : new FfmpegFailedException(
                MediaFault.ToolFailed,
                $"ffmpeg failed with {VideoReader.ExitOf(exitCode)} while {doing} {output} after {FramesWritten} frames; nothing was replaced: {errors.LastLines(3)}",
                exitCode,
                text,
                _options.OutputPath
            );
    }

    private List<string> EncoderArguments()
    {
        VideoColor color = _options.Color;
        string tags =
            $"setparams=range={color.Range}:colorspace={color.Matrix}"
            + (color.Primaries is null ? string.Empty : $":color_primaries={color.Primaries}")
            + (color.Transfer is null ? string.Empty : $":color_trc={color.Transfer}");
        string format = IsEven ? "yuv420p" : "yuv444p";
        Rational aspect = _options.SampleAspectRatio;
        return
        [
            .. Start,
            "-f",
            "rawvideo",
            "-pixel_format",
            "rgb24",
            "-video_size",
            string.Create(CultureInfo.InvariantCulture, $"{_options.Width}x{_options.Height}"),
            "-framerate",
            _options.FrameRate.ToString(),
            "-i",
            "pipe:0",
            "-vf",
            $"scale=in_range=pc:out_color_matrix={color.ScalerMatrix}:out_range={color.Range}:flags=area+accurate_rnd+full_chroma_inp,"
                + $"format={format},{tags},setsar=r={aspect}:max={OutputContainer.MaximumAspect}",
            "-c:v",
            "libx264",
            "-preset",
            _options.Preset,
            "-crf",
            _options.Crf.ToString(CultureInfo.InvariantCulture),
            "-pix_fmt",
            format,
            "-color_range",
            color.Range,
            "-colorspace",
            color.Matrix,
            .. color.Primaries is null ? Array.Empty<string>() : ["-color_primaries", color.Primaries],
            .. color.Transfer is null ? Array.Empty<string>() : ["-color_trc", color.Transfer],
            .. _audio is null ? Finish(_picture.Path) : ["-f", _container.Muxer, "file:" + _picture.Path],
        ];
    }

    private static string[] Start => ["-v", "error", "-hide_banner", "-nostdin", "-y"];

    private IEnumerable<string> Finish(string path) =>
        [
            "-map_metadata:g", // a track keeps its own: language, title, an attachment's name
            "-1",
            .. _options.Tags.SelectMany(t => new[] { "-metadata", $"{t.Key}={t.Value}" }),
            .. _container.HasIndex ? ["-movflags", "+faststart"] : Array.Empty<string>(),
            "-f",
            _container.Muxer,
            "file:" + path,
        ];
}
