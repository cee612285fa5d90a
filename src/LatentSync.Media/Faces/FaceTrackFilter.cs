namespace LatentSync.Media.Faces;

/// <summary>Takes the trembling out of a face's points: a weighted straight line through the frames around each frame.</summary>
/// <remarks>As in the One-Euro filter the window narrows with speed: a still head is averaged over the whole reach, a quick one is left as it is. A line,
/// because an average alone would lag at the ends of a segment; and frames ahead are known, so there is no lag elsewhere either.</remarks>
internal sealed class FaceTrackFilter
{
    // Speed in radii of the points per frame at which the window's width has halved: a slow nod has about 0.02.
    private const double HalvingSpeed = 0.03;
    private const double SmallestWidth = 0.4;

    private readonly int _reach;
    private readonly List<TrackedFrame> _window = [];
    private readonly List<TrackedFrame> _decided = [];
    private int _next;
    private bool _complete;

    /// <summary>Makes a filter.</summary>
    /// <param name="reach">Frames before and after that are looked at.</param>
    public FaceTrackFilter(int reach) => _reach = reach;

    /// <summary>Adds the next frame.</summary>
    public void Add(TrackedFrame frame)
    {
        _window.Add(frame);
        Advance();
    }

    /// <summary>No more frames follow.</summary>
    public void Complete()
    {
        _complete = true;
        Advance();
    }

    /// <summary>The frames decided since the last call.</summary>
    public IReadOnlyList<TrackedFrame> Take()
    {
        TrackedFrame[] taken = [.. _decided];
        _decided.Clear();
        return taken;
    }

    private void Advance()
    {
        while (_next < _window.Count && IsDecidable(_next))
        {
            TrackedFrame frame = _window[_next];
            _decided.Add(frame.Face is { } face ? new TrackedFrame(frame.FrameIndex, face with { Points = Smooth(_next) }) : frame);
            _next++;
            if (_next > _reach)
            {
                _window.RemoveAt(0);
                _next--;
            }
        }
    }

    private bool IsDecidable(int position) =>
        _complete
        || _window[position].Face is null
        || _window.Count > position + _reach
        || EndOf(position) < _window.Count;

    /// <summary>First position after this one that is not of the same segment.</summary>
    private int EndOf(int position)
    {
        int end = position;
        while (end < _window.Count && _window[end].Face is { } face && face.Segment == _window[position].Face!.Segment)
        {
            end++;
        }
        return end;
    }

    private AlignmentPoints Smooth(int position)
    {
        TrackedFace face = _window[position].Face!;
        int last = Math.Min(EndOf(position) - 1, position + _reach);
        int first = position;
        while (first > 0 && first > position - _reach && _window[first - 1].Face is { } earlier && earlier.Segment == face.Segment)
        {
            first--;
        }
        if (last - first < 2)
        {
            return face.Points;
        }
        double width = Math.Max(SmallestWidth, 0.5 * _reach / (1 + (Speed(position, first, last) / HalvingSpeed)));
        double w = 0, wt = 0, wtt = 0;
        var sum = new Points6();
        var moment = new Points6();
        for (int i = first; i <= last; i++)
        {
            double t = i - position;
            double weight = Math.Exp(-t * t / (2 * width * width));
            w += weight;
            wt += weight * t;
            wtt += weight * t * t;
            AlignmentPoints p = _window[i].Face!.Points;
            sum.Add(p, weight);
            moment.Add(p, weight * t);
        }
        // value at t = 0 of the line a + b t with the least weighted square error
        double determinant = (w * wtt) - (wt * wt);
        return determinant > 1e-9 * w * w
            ? Points6.Combine(sum, wtt / determinant, moment, -wt / determinant)
            : face.Points;
    }

    /// <summary>Movement around a frame in radii per frame, over two frames to each side.</summary>
    private double Speed(int position, int first, int last)
    {
        int from = Math.Max(first, position - 2), to = Math.Min(last, position + 2);
        AlignmentPoints a = _window[from].Face!.Points, b = _window[to].Face!.Points;
        double moved = ((b.LeftBrow - a.LeftBrow).Length + (b.RightBrow - a.RightBrow).Length + (b.Nose - a.Nose).Length) / 3;
        return moved / Math.Max(1e-9, a.Radius) / (to - from);
    }

    private struct Points6
    {
        private FacePoint _left, _right, _nose;

        public void Add(AlignmentPoints p, double weight)
        {
            _left += p.LeftBrow * weight;
            _right += p.RightBrow * weight;
            _nose += p.Nose * weight;
        }

        public static AlignmentPoints Combine(Points6 a, double fa, Points6 b, double fb) =>
            new((a._left * fa) + (b._left * fb), (a._right * fa) + (b._right * fb), (a._nose * fa) + (b._nose * fb));
    }
}
