using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;

namespace LatentSync.Media.Faces.Tracking;

/// <summary>Follows one person through a video: chooses among several, drops outliers, fills short gaps, finds them again after a cut or an
/// absence, and filters trembling. Works on a stream, with a bounded look-ahead.</summary>
/// <remarks>
/// A face that is far from the last one, or much larger or smaller, is either a mistake of the detector or the person at another place: it
/// is believed when it looks like the person, belongs to nobody who was seen beside them, and the next face confirms it; then a new segment
/// starts. Nothing is interpolated or filtered across segments, and none crosses a cut.
/// </remarks>
public sealed class FaceTrack
{
    private readonly FaceTrackOptions _options;
    private readonly FaceTrackFilter _filter;
    private readonly Queue<long> _undecided = new();
    private TrackedFace? _last;
    private TrackedFace? _suspect;
    private readonly FaceGallery _looks = new();
    private readonly Bystanders _bystanders;
    private readonly PersonSightings _seen = new();
    private int _segment;
    private bool _broken;
    private bool _cut;

    /// <summary>Makes a tracker at the start of a video.</summary>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public FaceTrack(FaceTrackOptions? options = null)
    {
        _options = options ?? new FaceTrackOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(_options.FaceIndex ?? 0, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(_options.MaxGap, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_options.MaxGap, 250, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(_options.SmoothingReach, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_options.SmoothingReach, 25, nameof(options));
        _filter = new FaceTrackFilter(_options.SmoothingReach);
        _bystanders = new Bystanders(_options.MaxGap);
    }

    /// <summary>Most faces that one frame had so far.</summary>
    public int MostFaces { get; private set; }

    /// <summary>Frames in which the followed person was seen.</summary>
    public PersonSightings Followed => _seen;

    /// <summary>Frames in which each other face was seen, in the order of their first frames.</summary>
    public IReadOnlyList<PersonSightings> Others => _bystanders.Sightings;

    /// <summary>A frame is decided at the latest when so many more have been pushed.</summary>
    public int MaxLookAhead => _options.MaxGap + 1 + _options.SmoothingReach;

    /// <summary>Adds the next frame, whose faces are told apart by their places only.</summary>
    /// <param name="frameIndex">Greater by 1 than the last one.</param>
    /// <param name="faces">What the detector found in it.</param>
    /// <returns>The frames decided by now, in order; often none.</returns>
    public IReadOnlyList<TrackedFrame> Push(long frameIndex, IReadOnlyList<DetectedFace> faces)
    {
        ArgumentNullException.ThrowIfNull(faces);
        return Push(frameIndex, [.. faces.Select(face => new SeenFace(face, null))], isNewShot: false);
    }

    /// <summary>Adds the next frame.</summary>
    /// <param name="frameIndex">Greater by 1 than the last one.</param>
    /// <param name="faces">What was found in it.</param>
    /// <param name="isNewShot">The frame is the first one after a cut.</param>
    /// <returns>The frames decided by now, in order; often none.</returns>
    public IReadOnlyList<TrackedFrame> Push(long frameIndex, IReadOnlyList<SeenFace> faces, bool isNewShot)
    {
        ArgumentNullException.ThrowIfNull(faces);
        if (isNewShot)
        {
            GiveUpGap();
            _bystanders.EndShot();
            _cut = true;
        }
        List<SeenFace> usable = [.. faces.Where(face => IsUsable(face.Face))];
        MostFaces = Math.Max(MostFaces, usable.Count);
        SeenFace? chosen = Choose(usable, frameIndex);
        bool isFollowed = false;
        if (chosen is { } face)
        {
            isFollowed = Accept(
                new TrackedFace(frameIndex, face.Face.Points, face.Face.Box, face.Face.Score, false, _segment) { Look = face.Look }
            );
            usable.Remove(face);
        }
        else
        {
            _undecided.Enqueue(frameIndex);
        }
        _bystanders.See(frameIndex, usable, isBeside: isFollowed);
        if (_undecided.Count > _options.MaxGap + (_suspect is null ? 0 : 1))
        {
            GiveUpGap();
        }
        return _filter.Take();
    }

    /// <summary>Ends the video.</summary>
    /// <returns>All remaining frames, in order.</returns>
    public IReadOnlyList<TrackedFrame> Complete()
    {
        GiveUpGap();
        _filter.Complete();
        return _filter.Take();
    }

    /// <returns>The face is the followed person's; false: it waits to be confirmed.</returns>
    private bool Accept(TrackedFace face)
    {
        if (_last is null || _broken)
        {
            StartSegment(face);
        }
        else if (IsContinuation(_last, face))
        {
            FillGap(_last, face);
            Keep(face);
        }
        else if (_suspect is not null && IsContinuation(_suspect, face))
        {
            // The cut is confirmed; frames before the first face of the new segment stay without one.
            TrackedFace first = _suspect;
            Drop(upTo: first.FrameIndex - 1);
            StartSegment(first);
            TrackedFace next = face with { Segment = _segment };
            FillGap(first, next);
            Keep(next);
        }
        else
        {
            _suspect = face;
            _undecided.Enqueue(face.FrameIndex);
            return false;
        }
        return true;
    }

    private void StartSegment(TrackedFace face)
    {
        if (_last is not null)
        {
            _segment++;
        }
        Drop(upTo: face.FrameIndex - 1);
        _ = _undecided.TryPeek(out long first) && first == face.FrameIndex && _undecided.TryDequeue(out _);
        _broken = false;
        Keep(face with { Segment = _segment });
    }

    private void Keep(TrackedFace face)
    {
        _last = face;
        _suspect = null;
        _cut = false;
        _seen.Add(face.FrameIndex);
        if (face.Look is { } look)
        {
            _looks.Add(look);
        }
        _filter.Add(new TrackedFrame(face.FrameIndex, face));
    }

    private void FillGap(TrackedFace from, TrackedFace to)
    {
        while (_undecided.TryDequeue(out long frame))
        {
            double t = (double)(frame - from.FrameIndex) / (to.FrameIndex - from.FrameIndex);
            var filled = new TrackedFace(
                frame,
                AlignmentPoints.Lerp(from.Points, to.Points, t),
                FaceBox.Lerp(from.Box, to.Box, t),
                0,
                true,
                from.Segment
            )
            {
                Sides = (from.Look, to.Look),
            };
            _filter.Add(new TrackedFrame(frame, filled));
        }
    }

    /// <summary>The frames up to this one have no face.</summary>
    private void Drop(long upTo)
    {
        while (_undecided.TryPeek(out long frame) && frame <= upTo)
        {
            _ = _undecided.Dequeue();
            _filter.Add(new TrackedFrame(frame, null));
        }
    }

    private void GiveUpGap()
    {
        Drop(upTo: long.MaxValue);
        _suspect = null;
        _broken = true;
    }

    private bool IsUsable(DetectedFace face) =>
        face.Points.IsUsable && (!_options.OriginalSizeRules || IsUsableForOriginal(face.Box, face.Score));

    /// <summary>The original truncates the box to integers first.</summary>
    private static bool IsUsableForOriginal(FaceBox box, double score)
    {
        double width = Math.Truncate(box.Right) - Math.Truncate(box.Left),
            height = Math.Truncate(box.Bottom) - Math.Truncate(box.Top);
        return width >= 50 && height >= 80 && width / height is >= 0.2 and <= 1.5 && score >= 0.5;
    }

    private SeenFace? Choose(List<SeenFace> faces, long frameIndex)
    {
        if (faces.Count == 0)
        {
            return null;
        }
        if (_last is null)
        {
            return _options.FaceIndex is { } index ? AtIndex(faces, index) : faces.MaxBy(face => face.Face.Box.Area);
        }
        foreach (TrackedFace? anchor in _cut ? (TrackedFace?[])[_suspect] : [_last, _suspect])
        {
            if (anchor is not null && Continuation(anchor, faces, frameIndex) is { } same)
            {
                return same;
            }
        }
        // Not where they were: somebody who looks like them, and whom nothing shows to be somebody else.
        List<SeenFace> possible =
        [
            .. faces.Where(face => double.IsInfinity(_bystanders.StepTo(frameIndex, face.Face.Points)) && MayBeFollowed(face.Look)),
        ];
        return possible.Count == 0 ? null : possible.MinBy(face => face.Look is { } look ? _looks.DistanceTo(look) : -face.Face.Box.Area);
    }

    private static SeenFace? AtIndex(List<SeenFace> faces, int index) =>
        index < faces.Count ? faces.OrderBy(face => face.Face.Box.Centre.X).ElementAt(index) : null;

    private SeenFace? Continuation(TrackedFace anchor, List<SeenFace> faces, long frameIndex)
    {
        SeenFace[] near =
        [
            .. faces.Where(face =>
                FaceSteps.IsPossible(anchor.Points, face.Face.Points, frameIndex - anchor.FrameIndex)
                && FaceSteps.Distance(anchor.Points, face.Face.Points) <= _bystanders.StepTo(frameIndex, face.Face.Points)
                // Away for long: somebody else may have come to the place.
                && (!_broken || MayBeFollowed(face.Look))
            ),
        ];
        return near.Length == 0 ? null : near.MinBy(Cost);

        double Cost(SeenFace face) =>
            FaceSteps.Distance(anchor.Points, face.Face.Points)
            + (near.Length > 1 && face.Look is { } look && !_looks.IsEmpty ? FaceIdentity.LookAgainstStep * _looks.DistanceTo(look) : 0);
    }

    private bool MayBeFollowed(FaceSignature? look)
    {
        if (look is null || _looks.IsEmpty)
        {
            return true;
        }
        double distance = _looks.DistanceTo(look);
        return distance <= FaceIdentity.Limit(_looks.Spread, _seen.Frames) && distance <= _bystanders.DistanceTo(look);
    }

    private static bool IsContinuation(TrackedFace from, TrackedFace to) =>
        FaceSteps.IsPossible(from.Points, to.Points, to.FrameIndex - from.FrameIndex);
}
