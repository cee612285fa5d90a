namespace LatentSync.Cli.Display;

/// <summary>How fast a stage goes, counted from its first report: a resumed run begins with much already done.</summary>
/// <param name="FirstDone">Units done at the first report.</param>
/// <param name="FirstAt">When that was, as the clock's timestamp tells it.</param>
internal readonly record struct Pace(long FirstDone, long FirstAt)
{
    /// <summary>Time left at this pace; null while nothing tells it.</summary>
    /// <param name="done">Units done now.</param>
    /// <param name="total">Units in all.</param>
    /// <param name="now">The time, as the clock's timestamp tells it.</param>
    /// <param name="clock">The clock; null: the system's.</param>
    public TimeSpan? TimeLeft(long done, long total, long now, TimeProvider? clock = null) =>
        done > FirstDone && done < total
            ? (clock ?? TimeProvider.System).GetElapsedTime(FirstAt, now) * ((double)(total - done) / (done - FirstDone))
            : null;
}
