using LatentSync.Media.Synthesis.Numbers;
using LatentSync.Media.Synthesis.Voices;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>How a talking head moves, at any moment: slow swaying, nods and brows on stressed syllables, blinks, glances. Nothing here
/// moves the mouth.</summary>
public sealed class HeadGestures
{
    private const double BlinkSeconds = 0.24;

    private readonly Utterance _utterance;
    private readonly double[] _frequencies = new double[12];
    private readonly double[] _phases = new double[12];
    private readonly double _liveliness;
    private readonly double _centreX;
    private readonly double _centreY;
    private readonly double _size;
    private readonly List<double> _blinks = [];
    private readonly List<(double Start, double X, double Y)> _glances = [];

    /// <summary>Draws the movements.</summary>
    /// <param name="seed">Any number; the same seed gives the same movements.</param>
    /// <param name="utterance">What is said: gives the beat of the nods.</param>
    public HeadGestures(long seed, Utterance utterance)
    {
        ArgumentNullException.ThrowIfNull(utterance);
        _utterance = utterance;
        SeededRandom random = new(seed, 404);
        _liveliness = random.Range(0.5, 1.1);
        _centreX = random.Range(-9, 9);
        _centreY = random.Range(-5, 6);
        _size = random.Range(0.95, 1.05);
        for (int i = 0; i < _frequencies.Length; i++)
        {
            _frequencies[i] = random.Range(0.12, 0.55);
            _phases[i] = random.Range(0, 2 * Math.PI);
        }
        for (double time = random.Range(0.4, 2.2); time < utterance.DurationSeconds; time += random.Range(1.4, 4.2))
        {
            _blinks.Add(time);
        }
        for (double time = 0; time < utterance.DurationSeconds; time += random.Range(0.8, 2.5))
        {
            bool away = random.Chance(0.35);
            _glances.Add((time, away ? random.Range(-0.7, 0.7) : 0, away ? random.Range(-0.4, 0.3) : 0));
        }
    }

    /// <summary>The head at a moment.</summary>
    /// <param name="seconds">Any finite time.</param>
    public HeadPose At(double seconds)
    {
        double beat = Beat(seconds);
        (double gazeX, double gazeY) = Gaze(seconds);
        return new HeadPose(
            _centreX + _liveliness * 7 * Sway(0, seconds),
            _centreY + _liveliness * (4 * Sway(2, seconds) + 2.2 * beat),
            _liveliness * 3.2 * Sway(4, seconds),
            _size * (1 + _liveliness * 0.02 * Sway(6, seconds)),
            Math.Clamp(_liveliness * 0.8 * Sway(8, seconds), -1, 1),
            Lids(seconds),
            _liveliness * (1.5 * Sway(10, seconds) + 2.5 * beat),
            gazeX,
            gazeY
        );
    }

    /// <summary>Two slow sines, -1..1.</summary>
    private double Sway(int index, double seconds) =>
        0.6 * PortableMath.Sin(2 * Math.PI * _frequencies[index] * seconds + _phases[index])
        + 0.4 * PortableMath.Sin(2 * Math.PI * 2.1 * _frequencies[index + 1] * seconds + _phases[index + 1]);

    /// <summary>0..1: rises on stressed vowels.</summary>
    private double Beat(double seconds)
    {
        double beat = 0;
        int centre = _utterance.IndexAt(seconds);
        for (int i = Math.Max(centre - 4, 0); i <= Math.Min(centre + 4, _utterance.Segments.Count - 1); i++)
        {
            PhoneSegment segment = _utterance.Segments[i];
            if (segment.Stress > 0.75 && PhoneTable.Vowels.Contains(segment.Phone))
            {
                double u = (seconds - segment.CentreSeconds) / 0.13;
                beat += PortableMath.Exp(-u * u);
            }
        }
        return Math.Min(beat, 1);
    }

    private double Lids(double seconds)
    {
        foreach (double start in _blinks)
        {
            double u = (seconds - start) / BlinkSeconds;
            if (u is > 0 and < 1)
            {
                return PortableMath.SmoothStep(0, 0.35, u) * (1 - PortableMath.SmoothStep(0.5, 1, u)); // shuts faster than it opens
            }
        }
        return 0;
    }

    private (double X, double Y) Gaze(double seconds)
    {
        (double x, double y) = (0, 0);
        foreach ((double start, double nextX, double nextY) in _glances)
        {
            if (start > seconds)
            {
                break;
            }
            double u = PortableMath.SmoothStep(start, start + 0.07, seconds); // a saccade takes about 70 ms
            x += (nextX - x) * u;
            y += (nextY - y) * u;
        }
        return (x, y);
    }
}
