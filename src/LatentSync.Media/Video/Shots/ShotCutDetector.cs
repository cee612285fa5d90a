using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Video.Shots;

/// <summary>Finds the first frame of every new shot in a stream of frames.</summary>
/// <remarks>PySceneDetect 0.6's adaptive detector, as the original's data pipeline calls it: a frame is a cut when its score is at least
/// <see cref="ShotCutOptions.Threshold"/> times the mean score of its neighbours, and at least
/// <see cref="ShotCutOptions.MinimumScore"/>. Each frame is decided when <see cref="Window"/> more are known, the first and last ones
/// never; a fade is no cut.</remarks>
public sealed class ShotCutDetector
{
    /// <summary>Neighbours on each side.</summary>
    public const int Window = 2;

    private const double SmallestMean = 1e-5;
    private const double LargestRatio = 255;

    private readonly ShotCutOptions _options;
    private readonly ShotScore _score = new();
    private readonly Queue<double> _scores = new();
    private long _next;
    private long? _lastCut;

    /// <summary>Makes a detector at the start of a video.</summary>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public ShotCutDetector(ShotCutOptions? options = null)
    {
        _options = options ?? new ShotCutOptions();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(_options.Threshold, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(_options.MinimumScore, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MinimumShotFrames, 1, nameof(options));
    }

    /// <summary>Adds the next frame.</summary>
    /// <param name="frame">The frame. Not modified.</param>
    /// <returns>The number of the frame that turns out to be the first of a new shot, counted from 0: the one that came
    /// <see cref="Window"/> frames ago; null otherwise.</returns>
    public long? Push(VideoFrame frame) => PushScore(_score.Next(frame));

    /// <summary>Adds the next frame's score.</summary>
    /// <param name="score">From <see cref="ShotScore.Next"/>.</param>
    /// <returns>As <see cref="Push"/>.</returns>
    public long? PushScore(double score)
    {
        _scores.Enqueue(score);
        long frame = _next++ - Window;
        if (_scores.Count < (2 * Window) + 1)
        {
            return null;
        }
        double[] known = [.. _scores];
        _scores.Dequeue();
        double target = known[Window],
            mean = (known.Sum() - target) / (2 * Window);
        if (target < _options.MinimumScore || Ratio(target, mean) < _options.Threshold)
        {
            return null;
        }
        if (_lastCut is { } last && frame - last < _options.MinimumShotFrames)
        {
            return null;
        }
        _lastCut = frame;
        return frame;
    }

    private double Ratio(double score, double mean) =>
        Math.Abs(mean) >= SmallestMean ? Math.Min(score / mean, LargestRatio)
        : score >= _options.MinimumScore ? LargestRatio
        : 0;
}

/// <summary>When a frame is a cut.</summary>
public sealed record ShotCutOptions
{
    /// <summary>How many times its neighbours' mean score a cut has at least. Default 2, as in the original's data pipeline.</summary>
    public double Threshold { get; init; } = 2;

    /// <summary>The score that a cut has at least, 0..255. Default 15.</summary>
    public double MinimumScore { get; init; } = 15;

    /// <summary>Frames from one cut to the next, at least. Default 15 (0.6 s at 25 fps).</summary>
    public int MinimumShotFrames { get; init; } = 15;
}
