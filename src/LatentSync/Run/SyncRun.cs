using System.Globalization;
using System.Threading.Channels;
using LatentSync.Chunks;
using LatentSync.Foundation.Options;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Compositing;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Masks;
using LatentSync.Media.Faces.Tracking;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;
using LatentSync.Media.Video.Writing;

namespace LatentSync.Run;

/// <summary>One run's stream: frames in, faces aligned, chunks through the mouth source, frames out in order.</summary>
internal sealed class SyncRun
{
    /// <summary>Seconds: less than this is the end of a packet.</summary>
    private const double LeastLeftOut = 0.1;
    private readonly SyncOptions _options;
    private readonly int _framesPerChunk;
    private readonly FrameClock _clock;
    private readonly FaceTemplate _template;
    private readonly FaceCompositor _compositor;
    private readonly StageTimes _times;
    private readonly IProgress<SyncProgress>? _progress;
    private readonly List<TimeRange> _withoutFace = [];
    private readonly List<string> _warnings = [];
    private float[]? _speechWeights;
    private int _framesIn;
    private int _framesOut;

    public SyncRun(
        SyncOptions options,
        SyncSettings settings,
        FrameClock clock,
        FaceTemplate template,
        FaceMask mask,
        StageTimes times,
        IProgress<SyncProgress>? progress
    )
    {
        (_options, _clock, _template, _times, _progress) = (options, clock, template, times, progress);
        _framesPerChunk = settings.FramesPerChunk;
        _compositor = new FaceCompositor(template, mask);
    }

    public int NetworkFrames { get; private set; }

    public int FacesFound { get; private set; }

    public int FacesInterpolated { get; private set; }

    /// <summary>Stretches of the result that passed through unchanged.</summary>
    public IReadOnlyList<TimeRange> WithoutFace => _withoutFace;

    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Runs to the end and moves the finished file into place.</summary>
    public async Task<WrittenVideo> ExecuteAsync(
        VideoReader video,
        IFaceDetector detector,
        IMouthSource mouths,
        Speech speech,
        FfmpegTools tools,
        CancellationToken cancellationToken
    )
    {
        _speechWeights =
            SilenceModes.All.Value(_options.Silence) == SilenceMode.Original
                ? SpeechActivity.Weights(speech.Samples.Span, 16000, _clock.NetworkFrames)
                : null;
        VideoWriterOptions output = VideoWriterOptions.Like(video, _options.OutputPath, speech.Path) with
        {
            Crf = _options.Crf,
            AudioTimeline = speech.Timeline,
            AudioSeconds = speech.Seconds,
        };
        await using VideoWriter writer = await VideoWriter.CreateAsync(output, tools, cancellationToken);
        FrameSequence sequence = new(video, ExtendPolicies.All.Value(_options.Extend));
        FaceStage faces = new(detector, new FaceTrackOptions { FaceIndex = _options.FaceIndex }, _template, _times);
        ChunkAssembler<AlignedFace> chunks = new(_clock, _framesPerChunk);
        using PendingFrames pending = new(chunks);

        // Detection of the next frames runs beside the network on this chunk.
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, writer.Lost);
        Channel<PlacedFrame> placed = Channel.CreateBounded<PlacedFrame>(_framesPerChunk);
        Task detection = DetectAsync(sequence, faces, placed.Writer, stop.Token);
        try
        {
            await foreach (PlacedFrame frame in placed.Reader.ReadAllAsync(stop.Token))
            {
                pending.Add(frame);
                Generate(chunks.Add(frame.OutputIndex, frame.Face), mouths, pending, stop.Token);
                await WriteReadyAsync(pending, complete: false, writer);
            }
            await detection;
            Generate(chunks.Complete(), mouths, pending, stop.Token);
            await WriteReadyAsync(pending, complete: true, writer);
        }
        catch (OperationCanceledException) when (writer.Lost.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw await writer.LostReasonAsync();
        }
        finally
        {
            await stop.CancelAsync();
            await detection.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (placed.Reader.TryRead(out PlacedFrame? left))
            {
                left.Frame.Dispose();
            }
        }
        (FacesFound, FacesInterpolated) = (faces.Found, faces.Interpolated);
        if (faces.Found == 0)
        {
            throw new FaceException(
                FaceFault.NoFace,
                faces.MostFaces > 0
                    ? FaceTrackOptions.TooFewFaces(_options.FaceIndex!.Value, faces.MostFaces, _options.VideoPath) + " Nothing was written."
                    : $"No face was found in any of the {faces.Examined} frames of {PrintableText.Quote(_options.VideoPath)} by {detector.Describe()}: try another ⟦Detector⟧, or give ⟦LandmarksPath FILE⟧; nothing was written.{string.Concat(video.Notes.Select(note => " " + note))}",
                _options.VideoPath
            );
        }
        if (_framesOut != _framesIn)
        {
            throw new InvalidOperationException($"{_framesIn} frames went in and {_framesOut} came out; the result is dropped.");
        }
        NoteLengths(video);
        NoteVideoLeftOut(video);
        using (_times.Measure(SyncStage.Write))
        {
            WrittenVideo written = await writer.CompleteAsync();
            _progress?.Report(new SyncProgress(SyncStage.Write, _framesOut, _framesOut, "frames"));
            return written;
        }
    }

    private async Task DetectAsync(
        FrameSequence sequence,
        FaceStage faces,
        ChannelWriter<PlacedFrame> placed,
        CancellationToken cancellationToken
    )
    {
        try
        {
            await foreach (
                PlacedFrame frame in faces.PlaceAsync(
                    Counted(sequence.ReadAsync(_clock.OutputFrames, cancellationToken)),
                    cancellationToken
                )
            )
            {
                try
                {
                    await placed.WriteAsync(frame, cancellationToken);
                }
                catch
                {
                    frame.Frame.Dispose();
                    throw;
                }
            }
            placed.Complete();
        }
        catch (Exception exception)
        {
            placed.Complete(exception);
        }
    }

    private async IAsyncEnumerable<SequencedFrame> Counted(IAsyncEnumerable<SequencedFrame> frames)
    {
        await foreach (SequencedFrame frame in frames)
        {
            yield return frame;
            _progress?.Report(new SyncProgress(SyncStage.Faces, ++_framesIn, _clock.OutputFrames, "frames"));
        }
    }

    private void Generate(
        IReadOnlyList<Chunk<AlignedFace>> complete,
        IMouthSource mouths,
        PendingFrames pending,
        CancellationToken cancellationToken
    )
    {
        foreach (Chunk<AlignedFace> chunk in complete)
        {
            cancellationToken.ThrowIfCancellationRequested();
            IReadOnlyList<Half[]> generated = mouths.Generate(chunk, cancellationToken);
            for (int i = 0; i < generated.Count; i++)
            {
                pending.Add(chunk.NetworkFrames[i], generated[i]);
            }
            NetworkFrames += generated.Count;
        }
    }

    private async Task WriteReadyAsync(PendingFrames pending, bool complete, VideoWriter writer)
    {
        while (pending.TryTake(complete, out PlacedFrame frame, out Half[]? mouth, out int networkFrame))
        {
            using StageTimes.Measurement measurement = _times.Measure(SyncStage.Write);
            using VideoFrame picture = frame.Frame;
            if (mouth is not null)
            {
                // An identity run pastes each frame's own face: off 25 fps the network frame's would be up to 20 ms away.
                float speech =
                    _options.Identity ? 0f
                    : _speechWeights is { } w ? w[networkFrame]
                    : 1f;
                _compositor.PasteInto(picture, frame.Face!, Blend(mouth, frame.Face!, speech));
            }
            else
            {
                NoteWithoutFace(frame.OutputIndex);
            }
            await writer.WriteAsync(picture);
            _progress?.Report(new SyncProgress(SyncStage.Write, ++_framesOut, _clock.OutputFrames, "frames"));
        }
    }

    /// <summary>The generated face, faded towards the original in pauses of the speech.</summary>
    private static float[] Blend(Half[] mouth, AlignedFace original, float weight)
    {
        float[] face = Array.ConvertAll(mouth, v => (float)v);
        if (weight < 1f)
        {
            float[] untouched = new float[face.Length];
            original.Square.CopyToPlanes(untouched);
            for (int i = 0; i < face.Length; i++)
            {
                face[i] = (weight * face[i]) + ((1 - weight) * untouched[i]);
            }
        }
        return face;
    }

    private void NoteWithoutFace(int outputFrame)
    {
        double start = outputFrame / _clock.FrameRate,
            end = (outputFrame + 1) / _clock.FrameRate;
        if (_withoutFace.Count > 0 && Math.Abs(_withoutFace[^1].EndSeconds - start) < 1e-6)
        {
            _withoutFace[^1] = _withoutFace[^1] with { EndSeconds = end };
        }
        else
        {
            _withoutFace.Add(new TimeRange(start, end));
        }
    }

    private void NoteLengths(VideoReader video)
    {
        if (!video.Media.IsStillImage && video.TotalFrames is { } total && total < _clock.OutputFrames)
        {
            string what = ExtendPolicies.All.First(choice => choice.Name == _options.Extend).Help;
            _warnings.Add(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the video ({total} frames) is shorter than the speech ({_clock.OutputFrames} frames): {what}"
                )
            );
        }
    }

    private void NoteVideoLeftOut(VideoReader video)
    {
        double seconds = _clock.OutputFrames / _clock.FrameRate;
        if (
            _options.PreviewSeconds is null
            && !video.Media.IsStillImage
            && video.Stream.Duration is { } duration
            && duration.TotalSeconds - seconds > LeastLeftOut
        )
        {
            _warnings.Add(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The speech ends after {seconds:0.0#} s, and the result with it: the video's last {duration.TotalSeconds - seconds:0.0#} s are left out."
                )
            );
        }
    }
}
