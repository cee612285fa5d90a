using System.Diagnostics;

namespace LatentSync.Training.Loops;

/// <summary>How fast the last steps were. The mean over a whole run would be wrong for a long time: its first steps also decode every video
/// and compute its features, the later ones find them in memory.</summary>
/// <param name="now">The time, as <see cref="Stopwatch.GetTimestamp"/> tells it.</param>
internal sealed class StepPace(Func<long> now)
{
    private const int Window = 50;

    private readonly Queue<long> _ends = new([now()]);

    /// <summary>Mean over the last 50 steps of this run; 0 before the first.</summary>
    public double SecondsPerStep { get; private set; }

    /// <summary>A step has ended.</summary>
    public void Step()
    {
        long end = now();
        SecondsPerStep = Stopwatch.GetElapsedTime(_ends.Peek(), end).TotalSeconds / _ends.Count;
        _ends.Enqueue(end);
        if (_ends.Count > Window)
        {
            _ends.Dequeue();
        }
    }
}
