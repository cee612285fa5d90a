using System.Diagnostics;

namespace LatentSync.Run;

/// <summary>Seconds spent per stage; safe from several threads.</summary>
internal sealed class StageTimes
{
    private readonly Dictionary<SyncStage, TimeSpan> _times = [];
    private readonly Lock _gate = new();
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Seconds since the run began.</summary>
    public double TotalSeconds => Stopwatch.GetElapsedTime(_start).TotalSeconds;

    /// <summary>Seconds per stage, in the order of the stages, camelCase names.</summary>
    public IReadOnlyDictionary<string, double> Seconds
    {
        get
        {
            lock (_gate)
            {
                return _times.OrderBy(t => t.Key).ToDictionary(t => t.Key.ToString().ToLowerInvariant(), t => t.Value.TotalSeconds);
            }
        }
    }

    /// <summary>Counts the time until the result is disposed.</summary>
    public Measurement Measure(SyncStage stage) => new(this, stage);

    private void Add(SyncStage stage, TimeSpan time)
    {
        lock (_gate)
        {
            _times[stage] = _times.GetValueOrDefault(stage) + time;
        }
    }

    /// <summary>A stretch of time that counts for one stage.</summary>
    public readonly struct Measurement(StageTimes times, SyncStage stage) : IDisposable
    {
        private readonly long _start = Stopwatch.GetTimestamp();

        public void Dispose() => times.Add(stage, Stopwatch.GetElapsedTime(_start));
    }
}
