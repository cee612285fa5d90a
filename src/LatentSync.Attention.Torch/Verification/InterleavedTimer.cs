using System.Diagnostics;

namespace LatentSync.Attention.Torch.Verification;

/// <summary>Times several ways to do the same in turns, so that a busy moment of the machine hits all of them alike.</summary>
internal static class InterleavedTimer
{
    /// <summary>A single time is taken over at least this long: below, the clock and the loop would show.</summary>
    private static readonly TimeSpan ShortestSample = TimeSpan.FromMilliseconds(2);

    /// <summary>A first round longer than this many budgets is not run again.</summary>
    private const double LongestRound = 5;

    /// <summary>Median time of each.</summary>
    /// <param name="calls">The ways; each must be complete when it returns.</param>
    /// <param name="known">Seconds that a call of each is known to take, about.</param>
    /// <param name="repeats">Rounds at most.</param>
    /// <param name="budget">Time for all rounds.</param>
    /// <param name="cancellationToken">Checked before each call.</param>
    /// <returns>Seconds of a call of each, and how many rounds were made: 0 when one would take far more than the budget; the times are
    /// the known ones then.</returns>
    internal static (double[] Seconds, int Rounds) Measure(
        IReadOnlyList<Action> calls, IReadOnlyList<double> known, int repeats, TimeSpan budget, CancellationToken cancellationToken)
    {
        int[] inner = [.. known.Select(seconds => (int)Math.Clamp(Math.Ceiling(ShortestSample.TotalSeconds / Math.Max(seconds, 1e-7)), 1, 10_000))];
        double round = known.Zip(inner, (seconds, times) => seconds * times).Sum();
        int rounds = (int)Math.Clamp(budget.TotalSeconds / Math.Max(round, 1e-9), round <= LongestRound * budget.TotalSeconds ? 1 : 0, repeats);
        if (rounds == 0 || calls.Count == 0)
        {
            return ([.. known], 0);
        }
        var samples = new double[calls.Count][];
        for (int i = 0; i < calls.Count; i++)
        {
            samples[i] = new double[rounds];
        }
        for (int r = 0; r < rounds; r++)
        {
            for (int turn = 0; turn < calls.Count; turn++)
            {
                int i = (r + turn) % calls.Count; // another one begins each round
                cancellationToken.ThrowIfCancellationRequested();
                long start = Stopwatch.GetTimestamp();
                for (int n = 0; n < inner[i]; n++)
                {
                    calls[i]();
                }
                samples[i][r] = Stopwatch.GetElapsedTime(start).TotalSeconds / inner[i];
            }
        }
        return ([.. samples.Select(Median)], rounds);
    }

    /// <summary>The middle one; the mean of the two in the middle when their number is even.</summary>
    internal static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
