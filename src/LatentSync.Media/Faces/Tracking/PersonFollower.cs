using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Shots;

namespace LatentSync.Media.Faces.Tracking;

/// <summary>Follows one person by what the picture shows: cuts are found, faces are looked at, and the track is told of both. Works on a
/// stream, with a bounded look-ahead.</summary>
public sealed class PersonFollower
{
    private readonly Queue<(long Index, IReadOnlyList<SeenFace> Faces)> _waiting = new();
    private readonly ShotCutDetector _shots = new(new ShotCutOptions { MinimumShotFrames = 1 });
    private readonly List<long> _cuts = [];
    private readonly FaceTrack _track;
    private long _next;

    /// <summary>Makes a follower at the start of a video.</summary>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public PersonFollower(FaceTrackOptions? options = null) => _track = new FaceTrack(options);

    /// <summary>Most faces that one frame had so far.</summary>
    public int MostFaces => _track.MostFaces;

    /// <summary>Frames in which the followed person was seen.</summary>
    public PersonSightings Followed => _track.Followed;

    /// <summary>Frames in which each other face was seen, in the order of their first frames.</summary>
    public IReadOnlyList<PersonSightings> Others => _track.Others;

    /// <summary>First frames of new shots so far.</summary>
    public IReadOnlyList<long> Cuts => _cuts;

    /// <summary>A frame is decided at the latest when so many more have been pushed.</summary>
    public int MaxLookAhead => _track.MaxLookAhead + ShotCutDetector.Window;

    /// <summary>Adds the next frame.</summary>
    /// <param name="frame">The frame. Not modified, and not needed afterwards.</param>
    /// <param name="faces">What the detector found in it.</param>
    /// <returns>The frames decided by now, in order, counted from 0; often none.</returns>
    public IReadOnlyList<TrackedFrame> Push(VideoFrame frame, IReadOnlyList<DetectedFace> faces)
    {
        ArgumentNullException.ThrowIfNull(frame);
        ArgumentNullException.ThrowIfNull(faces);
        SeenFace[] seen = [.. faces.Select(face => new SeenFace(face, face.Points.IsUsable ? FaceSignature.Of(frame, face.Points) : null))];
        _waiting.Enqueue((_next++, seen));
        long? cut = _shots.Push(frame);
        if (cut is { } first)
        {
            _cuts.Add(first);
        }
        return _waiting.Count > ShotCutDetector.Window ? PushNext(cut) : [];
    }

    /// <summary>Ends the video; once more has nothing to give.</summary>
    /// <returns>All remaining frames, in order.</returns>
    public IReadOnlyList<TrackedFrame> Complete()
    {
        List<TrackedFrame> decided = [];
        while (_waiting.Count > 0)
        {
            decided.AddRange(PushNext(cut: null));
        }
        decided.AddRange(_track.Complete());
        return decided;
    }

    // A frame goes into the track when it is known whether it begins a shot.
    private IReadOnlyList<TrackedFrame> PushNext(long? cut)
    {
        (long index, IReadOnlyList<SeenFace> faces) = _waiting.Dequeue();
        return _track.Push(index, faces, isNewShot: index == cut);
    }
}
