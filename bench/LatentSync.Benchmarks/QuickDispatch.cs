using System.Diagnostics;
using System.Globalization;

namespace LatentSync.Benchmarks;

/// <summary>The dispatch benchmarks by stopwatch: best and median of 15 rounds, and allocated bytes of a call.</summary>
internal static class QuickDispatch
{
    private const int Rounds = 15;

    internal static void Print(TextWriter output)
    {
        using var subject = new DispatchSubject();
        Measure(output, "loop, plan cached", 500_000, () => subject.CachedPlan());
        Measure(output, "dispatcher from tensors, plan cached", 200_000, () => subject.FromTensors());
        Measure(output, "read the problem off tensors", 200_000, () => subject.Describe());
        Measure(output, "selection, nothing cached", 5_000, () => subject.Selection());
        Measure(output, "self-test of a kernel class", 5, () => subject.SelfTest());
        Measure(output, "loop, problem not seen before", 5_000, () => subject.UnknownProblem());
    }

    private static void Measure(TextWriter output, string name, int calls, Action call)
    {
        double[] nanoseconds = new double[Rounds];
        long leastBytes = long.MaxValue;
        for (int round = -5; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < calls; i++)
            {
                call();
            }
            double elapsed = Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls;
            leastBytes = Math.Min(leastBytes, (GC.GetAllocatedBytesForCurrentThread() - before) / calls);
            if (round >= 0)
            {
                nanoseconds[round] = elapsed;
            }
        }
        Array.Sort(nanoseconds);
        output.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{name, -38} best {nanoseconds[0], 9:0} ns   median {nanoseconds[Rounds / 2], 9:0} ns   {leastBytes, 6} bytes a call"
            )
        );
    }
}
