using System.Diagnostics;

namespace LatentSync.Lab.Verification;

/// <summary>Something to be timed.</summary>
/// <param name="Call">The call; it must be complete when it returns.</param>
/// <param name="Seconds">What a call is known to take, about.</param>
public readonly record struct TimedCall(Action Call, double Seconds)
{
    /// <summary>Runs before each turn, outside of the time; null for nothing.</summary>
    public Action? Before { get; init; }

    /// <summary>Runs after each turn, outside of the time; null for nothing.</summary>
    public Action? After { get; init; }

    /// <summary>What <see cref="Before"/> and <see cref="After"/> are known to take together, about.</summary>
    public double SecondsBeside { get; init; }
}

/// <summary>What was measured, in the order of the calls.</summary>
/// <param name="Samples">Seconds of a call in each round; the known time where there was none.</param>
/// <param name="Rounds">How many rounds were made: 0 when one would take far more than the budget.</param>
public readonly record struct InterleavedTimes(double[][] Samples, int Rounds)
{
    /// <summary>Median time of each.</summary>
    public double[] Seconds => [.. Samples.Select(InterleavedTimer.Median)];
}

/// <summary>Times several ways to do the same in turns, so that a busy moment of the machine hits all of them alike.</summary>
public static class InterleavedTimer
{
    /// <summary>A single time is taken over at least this long: below, the clock and the loop would show.</summary>
    private static readonly TimeSpan ShortestSample = TimeSpan.FromMilliseconds(2);

    /// <summary>A first round longer than this many budgets is not run again.</summary>
    private const double LongestRound = 5;

    /// <summary>Times of each.</summary>
    /// <param name="calls">The ways.</param>
    /// <param name="repeats">Rounds at most.</param>
    /// <param name="budget">Time for all rounds.</param>
    /// <param name="cancellationToken">Checked before each turn.</param>
    public static InterleavedTimes Measure(
        IReadOnlyList<TimedCall> calls,
        int repeats,
        TimeSpan budget,
        CancellationToken cancellationToken
    )
    {
        int[] inner =
        [
            .. calls.Select(call => (int)Math.Clamp(Math.Ceiling(ShortestSample.TotalSeconds / Math.Max(call.Seconds, 1e-7)), 1, 10_000)),
        ];
        double round = calls.Zip(inner, (call, times) => call.Seconds * times + call.SecondsBeside).Sum();
        int rounds = (int)
            Math.Clamp(budget.TotalSeconds / Math.Max(round, 1e-9), round <= LongestRound * budget.TotalSeconds ? 1 : 0, repeats);
        if (rounds == 0 || calls.Count == 0)
        {
            return new InterleavedTimes([.. calls.Select(call => (double[])[call.Seconds])], 0);
        }
        double[][] samples = [.. calls.Select(_ => new double[rounds])];
        for (int r = 0; r < rounds; r++)
        {
            for (int turn = 0; turn < calls.Count; turn++)
            {
                int i = (r + turn) % calls.Count; // another one begins each round
                cancellationToken.ThrowIfCancellationRequested();
                samples[i][r] = Turn(calls[i], inner[i]);
            }
        }
        return new InterleavedTimes(samples, rounds);
    }

    /// <summary>Calls again and again, so that what is compiled while it runs is compiled well before it is timed: .NET makes the fast code
    /// of a method that was called 30 times when it has found no new one for 100 ms. A call that takes longer runs once or not at
    /// all.</summary>
    /// <param name="call">The call.</param>
    /// <param name="time">For how long.</param>
    /// <returns>The call with the shortest time seen: from it follows how often a sample repeats it, and a first call may have taken many
    /// times as long.</returns>
    public static TimedCall WarmUp(TimedCall call, TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        double shortest = call.Seconds;
        call.Before?.Invoke();
        double begun = Stopwatch.GetElapsedTime(start).TotalSeconds;
        while (begun + shortest < time.TotalSeconds)
        {
            call.Call();
            double ended = Stopwatch.GetElapsedTime(start).TotalSeconds;
            shortest = Math.Min(shortest, ended - begun);
            begun = ended;
        }
        call.After?.Invoke();
        return call with { Seconds = shortest };
    }

    /// <summary>The middle one; the mean of the two in the middle when their number is even.</summary>
    public static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private static double Turn(in TimedCall call, int times)
    {
        call.Before?.Invoke();
        long start = Stopwatch.GetTimestamp();
        for (int n = 0; n < times; n++)
        {
            call.Call();
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds / times;
        call.After?.Invoke();
        return seconds;
    }
}
