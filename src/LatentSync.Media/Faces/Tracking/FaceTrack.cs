using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;

namespace LatentSync.Media.Faces.Tracking;

/// <summary>Follows one face through a video: chooses among several, drops outliers, fills short gaps, notices cuts and filters trembling.
/// Works on a stream, with a bounded look-ahead.</summary>
/// <remarks>
/// A face that is far from the last one, or much larger or smaller, is either a mistake of the detector or a cut: it is believed when
/// the next face confirms it, and then starts a new segment. Nothing is interpolated or filtered across segments.
/// </remarks>
public sealed class FaceTrack
{
    // A head of which the points have radius r is about 4 r wide; in one frame (1/25 s) it moves by less than 1.5 r.
    private const double MaxStep = 1.5;
    private const double MaxStepGrowth = 0.25;
    private const double MaxStepEver = 4;
    private const double MaxZoom = 1.4;
    private const double MaxZoomEver = 1.8;

    private readonly FaceTrackOptions _options;
    private readonly FaceTrackFilter _filter;
    private readonly Queue<long> _undecided = new();
    private TrackedFace? _last;
    private TrackedFace? _suspect;
    private int _segment;
    private bool _broken;

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
    }

    /// <summary>Most faces that one frame had so far.</summary>
    public int MostFaces { get; private set; }

    /// <summary>A frame is decided at the latest when so many more have been pushed.</summary>
    public int MaxLookAhead => _options.MaxGap + 1 + _options.SmoothingReach;

    /// <summary>Adds the next frame.</summary>
    /// <param name="frameIndex">Greater by 1 than the last one.</param>
    /// <param name="faces">What the detector found in it.</param>
    /// <returns>The frames decided by now, in order; often none.</returns>
    public IReadOnlyList<TrackedFrame> Push(long frameIndex, IReadOnlyList<DetectedFace> faces)
    {
        ArgumentNullException.ThrowIfNull(faces);
        List<DetectedFace> usable = [.. faces.Where(IsUsable)];
        MostFaces = Math.Max(MostFaces, usable.Count);
        DetectedFace? chosen = Choose(usable, frameIndex);
        if (chosen is null)
        {
            _undecided.Enqueue(frameIndex);
        }
        else
        {
            Accept(new TrackedFace(frameIndex, chosen.Points, chosen.Box, chosen.Score, false, _segment));
        }
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

    private void Accept(TrackedFace face)
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
        }
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
            );
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

    private DetectedFace? Choose(List<DetectedFace> faces, long frameIndex)
    {
        if (faces.Count == 0)
        {
            return null;
        }
        if (_last is not null)
        {
            var candidates = faces
                .Select(face => (Face: face, Tracked: new TrackedFace(frameIndex, face.Points, face.Box, face.Score, false, _segment)))
                .OrderBy(c => Distance(_last, c.Tracked))
                .ToList();
            foreach (TrackedFace? anchor in (TrackedFace?[])[_last, _suspect])
            {
                if (anchor is not null && candidates.Find(c => IsContinuation(anchor, c.Tracked)).Face is { } same)
                {
                    return same;
                }
            }
        }
        if (_options.FaceIndex is { } index)
        {
            return faces.OrderBy(face => face.Box.Centre.X).ElementAtOrDefault(index);
        }
        return faces.MaxBy(face => face.Box.Area);
    }

    private static bool IsContinuation(TrackedFace from, TrackedFace to)
    {
        long gap = Math.Max(1, to.FrameIndex - from.FrameIndex);
        double zoom = to.Points.Radius / from.Points.Radius;
        double limit = Math.Min(MaxZoomEver, MaxZoom + (0.02 * (gap - 1)));
        return Distance(from, to) <= Math.Min(MaxStepEver, MaxStep + (MaxStepGrowth * (gap - 1))) && zoom < limit && zoom > 1 / limit;
    }

    /// <summary>How far the face moved, in units of its size.</summary>
    private static double Distance(TrackedFace from, TrackedFace to) =>
        (to.Points.Centre - from.Points.Centre).Length / Math.Max(from.Points.Radius, to.Points.Radius);
}
