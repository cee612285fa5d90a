namespace LatentSync.Benchmarks.Peers;

/// <summary>Between two engines: threads that wait awake for more work take a core from whoever comes next. ONNX Runtime's turn 2²⁰ times
/// before they sleep, some 70 ms on processors whose pause instruction is long; libtorch's OpenMP threads 300,000 times. Measured on 2
/// cores, with
/// 30 ms of calls instead of this: whoever came after ONNX Runtime had half of the machine, managed-flash 0.2 times libtorch's speed on
/// small layers and the multiply-add peak 170 instead of 330 GFLOP/s.</summary>
internal static class IdleThreads
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10),
        Longest = TimeSpan.FromMilliseconds(500);

    /// <summary>What the wait takes, about, over the engines.</summary>
    internal const double UsualSeconds = 0.04;

    /// <summary>Sleeps until the process used less than a fifth of one core for 10 ms; half a second at most.</summary>
    /// <returns>Whether it came to rest.</returns>
    internal static bool Await()
    {
        for (TimeSpan waited = default; waited < Longest; waited += Look)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            Thread.Sleep(Look);
            if (Environment.CpuUsage.TotalTime - before < Look / 5)
            {
                return true;
            }
        }
        return false;
    }
}
