using System.Runtime.CompilerServices;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Tracking;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Run;

/// <summary>
/// Finds, follows and aligns the face of every output frame, in a stream with a bounded look-ahead. What is in the picture decides: no face
/// is
/// followed across a cut unless it looks like the same person, and a gap is filled only where the picture shows the face. A source frame
/// that is shown again (speech longer than the video) keeps the alignment of its first showing, as in the original.
/// </summary>
internal sealed class FaceStage
{
    private readonly IFaceDetector _detector;
    private readonly StageTimes _times;
    private readonly PersonFollower _person;
    private readonly FaceAligner _aligner;
    private readonly Dictionary<long, AffineMatrix?> _matrices = [];
    private readonly Queue<SequencedFrame> _undecided = new();
    private int? _segment;

    public FaceStage(IFaceDetector detector, FaceTrackOptions options, FaceTemplate template, StageTimes times)
    {
        _detector = detector;
        _times = times;
        _person = new PersonFollower(options);
        _aligner = new FaceAligner(template);
    }

    /// <summary>Source frames in which a face was detected.</summary>
    public int Found { get; private set; }

    /// <summary>Source frames whose face was interpolated over a short gap.</summary>
    public int Interpolated { get; private set; }

    /// <summary>Most faces that one frame had.</summary>
    public int MostFaces => _person.MostFaces;

    /// <summary>Frames in which the followed person was seen.</summary>
    public PersonSightings Followed => _person.Followed;

    /// <summary>Frames in which other faces were seen.</summary>
    public IReadOnlyList<PersonSightings> Others => _person.Others;

    /// <summary>Source frames examined.</summary>
    public int Examined { get; private set; }

    /// <summary>Places the face of every frame; frames come out in order, some frames later than they go in.</summary>
    /// <param name="frames">The output's frames.</param>
    /// <param name="cancellationToken">Checked at every frame.</param>
    public async IAsyncEnumerable<PlacedFrame> PlaceAsync(
        IAsyncEnumerable<SequencedFrame> frames,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        try
        {
            await foreach (SequencedFrame frame in frames.WithCancellation(cancellationToken))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (frame.SourceIndex == Examined)
                {
                    Examined++;
                    _undecided.Enqueue(frame);
                    foreach (TrackedFrame decided in Track(frame))
                    {
                        yield return Decide(decided);
                    }
                    continue;
                }
                // The first frame that is shown again ends the video as far as the track is concerned.
                foreach (TrackedFrame decided in _person.Complete())
                {
                    yield return Decide(decided);
                }
                yield return Place(frame, _matrices[frame.SourceIndex]);
            }
            foreach (TrackedFrame decided in _person.Complete())
            {
                yield return Decide(decided);
            }
        }
        finally
        {
            while (_undecided.TryDequeue(out SequencedFrame left))
            {
                left.Frame.Dispose();
            }
        }
    }

    private IReadOnlyList<TrackedFrame> Track(SequencedFrame frame)
    {
        using StageTimes.Measurement measurement = _times.Measure(SyncStage.Faces);
        return _person.Push(frame.Frame, _detector.Detect(frame.Frame));
    }

    private PlacedFrame Decide(TrackedFrame decided)
    {
        SequencedFrame frame = _undecided.Dequeue();
        AffineMatrix? matrix = null;
        if (decided.Face is { } face && (!face.Interpolated || face.IsShownBy(FaceSignature.Of(frame.Frame, face.Points))))
        {
            if (face.Segment != _segment)
            {
                // What smooths from frame to frame must not cross a cut.
                _aligner.Reset();
                _segment = face.Segment;
            }
            matrix = _aligner.Align(face.Points);
            Found += face.Interpolated ? 0 : 1;
            Interpolated += face.Interpolated ? 1 : 0;
        }
        _matrices[frame.SourceIndex] = matrix;
        return Place(frame, matrix);
    }

    private PlacedFrame Place(SequencedFrame frame, AffineMatrix? matrix)
    {
        using StageTimes.Measurement measurement = _times.Measure(SyncStage.Faces);
        return new PlacedFrame(
            checked((int)frame.OutputIndex),
            frame.Frame,
            matrix is { } m ? FaceWarper.Crop(frame.Frame, m, _aligner.Template) : null
        );
    }
}
