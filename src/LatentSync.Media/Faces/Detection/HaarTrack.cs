using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Faces.Detection;

/// <summary>One face followed from frame to frame: motion from optical flow, place and size from the cascades, averaged over
/// time.</summary>
internal sealed class HaarTrack
{
    /// <summary>Distance between the eyes as a part of the face cascade's box: mean 0.383, deviation 0.010 on a real clip.</summary>
    public const double EyeDistance = 0.383;

    /// <summary>Height of the eyes below the box's top as a part of the box: mean 0.383, deviation 0.010.</summary>
    public const double EyeHeight = 0.383;

    // A new measurement counts 1/n while a face is new, so that the start is an average, and at least this much later (about one second's
    // memory).
    private const double EyesGain = 0.05;
    private const double BoxGain = 0.025;
    private const double BoxWorth = 0.25;

    // Points of regression trees are right but tremble: what differs from the flow by little is taken as trembling, by more as motion that
    // the flow has missed.
    private const double ReadingGain = 0.35;
    private const double LeastReadingGain = 0.03;
    private const double FullReadingDeviation = 0.1; // of the points' radius: 6 % of the distance of the eyes

    private const int FlowOnlyFrames = 12;
    private const int JumpsToRestart = 3;
    private const double TrustedSupport = 20;
    private const double TrustedEyes = 0.1;

    private AlignmentPoints _points;
    private FaceBox _box;
    private int _sightings;
    private int _eyeSightings;
    private double _support;
    private int _misses;
    private int _jumps;
    private double _evidence;
    private bool _followed;
    private bool _pointsSeen;

    /// <summary>Starts at a sighting.</summary>
    /// <param name="seen">The cascade's box.</param>
    public HaarTrack(HaarSighting seen)
    {
        Count(seen);
        Restart(seen);
    }

    /// <summary>Where the face is.</summary>
    public FaceBox Box => _box;

    /// <summary>Looks like a face, not like something the cascade mistakes for one: well supported, or with eyes now and then.</summary>
    public bool IsTrusted => _support >= TrustedSupport || (_eyeSightings > 0 && _eyeSightings >= TrustedEyes * _sightings);

    /// <summary>Not worth following any longer.</summary>
    public bool IsLost => _misses > (IsTrusted && _followed ? FlowOnlyFrames : 0);

    /// <summary>Where the face can be in this frame, in pixels of the frame.</summary>
    public OpenCvSharp.Rect Surroundings
    {
        get
        {
            double reach = 0.5 * _box.Width;
            return new OpenCvSharp.Rect(
                (int)(_box.Left - reach),
                (int)(_box.Top - reach),
                (int)(_box.Width + (2 * reach)),
                (int)(_box.Height + (2 * reach))
            );
        }
    }

    /// <summary>Moves with the picture from the last frame to this one.</summary>
    public void Predict(OpenCvSharp.Mat previous, OpenCvSharp.Mat current)
    {
        AffineMatrix? motion = HeadMotion.Estimate(previous, current, _box, _points);
        _followed = motion is not null;
        if (motion is { } map)
        {
            _points = _points.Transform(map);
            FacePoint centre = map.Apply(_box.Centre);
            double half = _box.Width / 2 * Math.Sqrt(Math.Abs(map.Determinant));
            _box = new FaceBox(centre.X - half, centre.Y - half, centre.X + half, centre.Y + half);
        }
    }

    /// <summary>True when a box of the cascade can be this face.</summary>
    public bool Accepts(FaceBox box) => (box.Centre - _box.Centre).Length < 0.4 * _box.Width && box.Width / _box.Width is > 0.6 and < 1.65;

    /// <summary>Takes a sighting into account.</summary>
    public void Correct(HaarSighting seen)
    {
        Count(seen);
        AlignmentPoints measured = Measure(seen);
        bool jumped =
            (measured.Centre - _points.Centre).Length > 0.5 * _points.Radius || measured.Radius / _points.Radius is < 0.7 or > 1.45;
        _jumps = jumped ? _jumps + 1 : 0;
        if (!_followed || _jumps >= JumpsToRestart)
        {
            Restart(seen);
            return;
        }
        (double worth, double least) = WorthOf(seen);
        _evidence += worth;
        double gain =
            jumped ? 0
            : seen.Reading is not null ? GainOf(measured)
            : Math.Max(worth / _evidence, least);
        _points = AlignmentPoints.Lerp(_points, measured, gain);
        _box = FaceBox.Lerp(_box, seen.Box, Math.Max(gain, 0.1));
    }

    /// <summary>The cascade did not see the face in this frame.</summary>
    public void Miss()
    {
        _misses++;
        _pointsSeen = false;
    }

    /// <summary>What is known about this frame; null while not trusted or when neither cascade nor flow has seen the face.</summary>
    public DetectedFace? Report()
    {
        if (!IsTrusted || IsLost || (_misses > 0 && !_followed))
        {
            return null;
        }
        double score =
            _misses > 0 ? 0.5
            : _pointsSeen ? 0.9
            : 0.7;
        return new DetectedFace(_box, score, _points, _pointsSeen);
    }

    private void Count(HaarSighting seen)
    {
        _misses = 0;
        _sightings++;
        _eyeSightings += seen.Eyes is not null ? 1 : 0;
        _pointsSeen = seen.Eyes is not null || seen.Reading is not null;
        _support = _sightings == 1 ? seen.Support : _support + (0.1 * (seen.Support - _support));
    }

    private void Restart(HaarSighting seen)
    {
        _box = seen.Box;
        _points = Measure(seen);
        (_evidence, _) = WorthOf(seen);
        _jumps = 0;
    }

    /// <summary>The three points of one sighting: measured where there is a model, else by what is dark, else by the eyes.</summary>
    private static AlignmentPoints Measure(HaarSighting seen)
    {
        if (seen.Reading is { } reading)
        {
            return reading.Points;
        }
        if (seen.Features is { } features)
        {
            return features;
        }
        HaarEyes eyes = EyesOf(seen);
        return FaceProportions.FromEyes(eyes.Left, eyes.Right);
    }

    /// <summary>The eyes of one sighting: place and tilt from the eyes where found, size from eyes and box together.</summary>
    public static HaarEyes EyesOf(HaarSighting seen)
    {
        double byBox = EyeDistance * seen.Box.Width;
        if (seen.Eyes is not { } eyes)
        {
            double x = seen.Box.Centre.X,
                y = seen.Box.Top + (EyeHeight * seen.Box.Height);
            return new HaarEyes(new(x - (byBox / 2), y), new(x + (byBox / 2), y));
        }
        FacePoint middle = FacePoint.Lerp(eyes.Left, eyes.Right, 0.5),
            across = eyes.Right - eyes.Left;
        FacePoint half = across * (0.25 * (across.Length + byBox) / across.Length);
        return new HaarEyes(middle - half, middle + half);
    }

    private double GainOf(AlignmentPoints read)
    {
        double deviation =
            ((read.LeftBrow - _points.LeftBrow).Length + (read.RightBrow - _points.RightBrow).Length + (read.Nose - _points.Nose).Length)
            / 3
            / _points.Radius;
        return Math.Clamp(ReadingGain * deviation / FullReadingDeviation, LeastReadingGain, ReadingGain);
    }

    private static (double Worth, double LeastGain) WorthOf(HaarSighting seen) =>
        seen.Reading is not null ? (1, ReadingGain)
        : seen.Eyes is not null ? (1, EyesGain)
        : (BoxWorth, BoxGain);
}
