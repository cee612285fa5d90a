using System.Globalization;
using System.Threading.Channels;
using LatentSync.Chunks;
using LatentSync.Foundation.Options;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Compositing;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Tracking;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Writing;

namespace LatentSync.Run;

/// <summary>One run's stream: frames in, faces aligned, chunks through the mouth source, frames out in order.</summary>
internal sealed class SyncRun
{
    /// <summary>Seconds: less than this is the end of a packet.</summary>
    private const double LeastLeftOut = 0.1;
    private readonly RunContext _run;
    private readonly IMouthSource _mouths;
    private readonly FaceCompositor _compositor;
    private readonly List<TimeRange> _withoutFace = [];
    private readonly List<string> _warnings = [];
    private float[]? _speechWeights;
    private int _framesIn;
    private int _framesOut;

    public SyncRun(RunContext run, IMouthSource mouths)
    {
        (_run, _mouths) = (run, mouths);
        _compositor = new FaceCompositor(run.Template, run.Mask);
    }

    private SyncOptions Options => _run.Options;

    private FrameClock Clock => _run.Clock;

    /// <summary>Runs to the end and moves the finished file into place.</summary>
    /// <param name="video">The speaker.</param>
    /// <param name="detector">Finds the faces.</param>
    /// <param name="cancellationToken">Stops at the next network step or frame.</param>
    public async Task<RunResult> ExecuteAsync(VideoReader video, IFaceDetector detector, CancellationToken cancellationToken)
    {
        Speech speech = _run.Speech;
        int framesPerChunk = _run.Settings.FramesPerChunk;
        _speechWeights =
            SilenceModes.All.Value(Options.Silence) == SilenceMode.Original
                ? SpeechActivity.Weights(speech.Samples.Span, 16000, Clock.NetworkFrames)
                : null;
        VideoWriterOptions output = VideoWriterOptions.Like(video, Options.OutputPath, speech.Path) with
        {
            Crf = Options.Crf,
            AudioTimeline = speech.Timeline,
            AudioSeconds = speech.Seconds,
        };
        await using VideoWriter writer = await VideoWriter.CreateAsync(output, _run.Tools, cancellationToken);
        FrameSequence sequence = new(video, ExtendPolicies.All.Value(Options.Extend));
        FaceStage faces = new(detector, new FaceTrackOptions { FaceIndex = Options.FaceIndex }, _run.Template, _run.Times);
        ChunkAssembler<AlignedFace> chunks = new(Clock, framesPerChunk);
        using PendingFrames pending = new(chunks);
        await using MouthQueue underWay = new(_mouths, pending);

        // Detection of the next frames runs beside the network on this chunk.
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, writer.Lost);
        Channel<PlacedFrame> placed = Channel.CreateBounded<PlacedFrame>(framesPerChunk);
        Task detection = DetectAsync(sequence, faces, placed.Writer, stop.Token);
        try
        {
            await foreach (PlacedFrame frame in placed.Reader.ReadAllAsync(stop.Token))
            {
                pending.Add(frame);
                await underWay.AddAsync(chunks.Add(frame.OutputIndex, frame.Face), stop.Token);
                await WriteReadyAsync(pending, complete: false, writer);
            }
            await detection;
            await underWay.AddAsync(chunks.Complete(), stop.Token);
            await underWay.CompleteAsync();
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
        RequireFaces(faces, detector, video);
        if (_framesOut != _framesIn)
        {
            throw new InvalidOperationException($"{_framesIn} frames went in and {_framesOut} came out; the result is dropped.");
        }
        NoteLengths(video);
        NoteVideoLeftOut(video);
        using (_run.Times.Measure(SyncStage.Write))
        {
            WrittenVideo written = await writer.CompleteAsync();
            _run.Progress?.Report(new SyncProgress(SyncStage.Write, _framesOut, _framesOut, "frames"));
            return new RunResult(written, underWay.Generated, faces.Found, faces.Interpolated, _withoutFace, Persons(faces), _warnings);
        }
    }

    /// <summary>Who was seen when, the followed person first.</summary>
    private PersonSeen[] Persons(FaceStage faces)
    {
        // Fewer frames are a detector's mistake rather than a person.
        const long LeastFrames = 5;
        PersonSightings[] all =
        [
            faces.Followed,
            .. faces.Others.Where(other => other.Frames >= LeastFrames).OrderByDescending(other => other.Frames),
        ];
        return
        [
            .. all.Select(
                (person, i) =>
                    new PersonSeen(
                        i < 26 ? ((char)('A' + i)).ToString() : string.Create(CultureInfo.InvariantCulture, $"P{i + 1}"),
                        IsFollowed: i == 0,
                        person.Frames,
                        [.. person.Ranges.Select(range => new TimeRange(range.First / Clock.FrameRate, (range.Last + 1) / Clock.FrameRate))]
                    )
            ),
        ];
    }

    private void RequireFaces(FaceStage faces, IFaceDetector detector, VideoReader video)
    {
        if (faces.Found > 0)
        {
            return;
        }
        string path = PrintableText.Quote(Options.VideoPath);
        throw new FaceException(
            FaceFault.NoFace,
            faces.MostFaces > 0
                ? (Sentence)
                    $"{FaceTrackOptions.TooFewFaces(Options.FaceIndex!.Value, faces.MostFaces, Options.VideoPath)} Nothing was written."
                : $"No face was found in any of the {faces.Examined} frames of {path} by {detector.Describe()}: try another ⟦Detector⟧, or give ⟦LandmarksPath FILE⟧. Nothing was written.{string.Concat(video.Notes.Select(note => " " + note))}",
            Options.VideoPath
        );
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
                PlacedFrame frame in faces.PlaceAsync(Counted(sequence.ReadAsync(Clock.OutputFrames, cancellationToken)), cancellationToken)
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
            _run.Progress?.Report(new SyncProgress(SyncStage.Faces, ++_framesIn, Clock.OutputFrames, "frames"));
        }
    }

    private async Task WriteReadyAsync(PendingFrames pending, bool complete, VideoWriter writer)
    {
        while (pending.TryTake(complete, out PlacedFrame frame, out Half[]? mouth, out int networkFrame))
        {
            using StageTimes.Measurement measurement = _run.Times.Measure(SyncStage.Write);
            using VideoFrame picture = frame.Frame;
            if (mouth is not null)
            {
                // Where each frame keeps its own face: off 25 fps the network frame's would be up to 20 ms away.
                float speech =
                    _mouths.Facts.KeepsOwnFace ? 0f
                    : _speechWeights is { } w ? w[networkFrame]
                    : 1f;
                _compositor.PasteInto(picture, frame.Face!, Blend(mouth, frame.Face!, speech));
            }
            else
            {
                NoteWithoutFace(frame.OutputIndex);
            }
            await writer.WriteAsync(picture);
            _run.Progress?.Report(new SyncProgress(SyncStage.Write, ++_framesOut, Clock.OutputFrames, "frames"));
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
        double start = outputFrame / Clock.FrameRate,
            end = (outputFrame + 1) / Clock.FrameRate;
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
        if (!video.Media.IsStillImage && video.TotalFrames is { } total && total < Clock.OutputFrames)
        {
            Sentence what = ExtendPolicies.Describe(ExtendPolicies.All.Value(Options.Extend));
            _warnings.Add(Sentence.Say($"the video ({total} frames) is shorter than the speech ({Clock.OutputFrames} frames): {what}"));
        }
    }

    private void NoteVideoLeftOut(VideoReader video)
    {
        double seconds = Clock.OutputFrames / Clock.FrameRate;
        if (
            Options.PreviewSeconds is null
            && !video.Media.IsStillImage
            && video.Stream.Duration is { } duration
            && duration.TotalSeconds - seconds > LeastLeftOut
        )
        {
            _warnings.Add(
                Sentence.Say(
                    $"The result ends with the speech, after {seconds:0.0#} s: the last {duration.TotalSeconds - seconds:0.0#} s of the video are left out."
                )
            );
        }
    }
}
