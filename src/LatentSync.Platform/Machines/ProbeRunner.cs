namespace LatentSync.Platform.Machines;

/// <summary>How one probe ended.</summary>
/// <param name="Name">What was probed, "gpu".</param>
/// <param name="Succeeded">It gave an answer ("none" is an answer).</param>
/// <param name="Detail">The answer in short, or why there is none.</param>
public sealed record ProbeOutcome(string Name, bool Succeeded, string Detail);

/// <summary>Runs probes beside each other so that one which throws or hangs costs only its own answer.</summary>
/// <param name="limit">How long a probe may take.</param>
internal sealed class ProbeRunner(TimeSpan limit)
{
    private readonly List<ProbeOutcome> _outcomes = [];

    /// <summary>How each probe ended, in the order in which their answers were taken.</summary>
    public IReadOnlyList<ProbeOutcome> Outcomes => _outcomes;

    /// <summary>Starts one probe on a thread of its own. A probe that exceeds the limit is abandoned (a driver that hangs in a
    /// system call cannot be stopped); its thread does not keep the process alive.</summary>
    /// <param name="name">For the outcome.</param>
    /// <param name="probe">The probe.</param>
    /// <param name="unknown">The answer when there is none.</param>
    /// <param name="describe">The answer in short.</param>
    /// <returns>Takes the answer, waiting for it at most until the limit; to be called once.</returns>
    public Func<T> Start<T>(string name, Func<T> probe, T unknown, Func<T, string> describe)
    {
        var answer = new TaskCompletionSource<T>();
        long started = TimeProvider.System.GetTimestamp();
        var thread = new Thread(() =>
        {
            try
            {
                answer.SetResult(probe());
            }
            catch (Exception failure)
            {
                answer.SetException(failure); // whatever it was, it becomes this probe's outcome
            }
        })
        {
            IsBackground = true,
            Name = $"probe {name}",
        };
        thread.Start();
        return () => Take(name, answer.Task, limit - TimeProvider.System.GetElapsedTime(started), unknown, describe);
    }

    private T Take<T>(string name, Task<T> answer, TimeSpan left, T unknown, Func<T, string> describe)
    {
        try
        {
            if (answer.Wait(left > TimeSpan.Zero ? left : TimeSpan.Zero))
            {
                _outcomes.Add(new ProbeOutcome(name, true, describe(answer.Result)));
                return answer.Result;
            }
            _outcomes.Add(new ProbeOutcome(name, false, FormattableString.Invariant($"unknown: no answer within {limit.TotalSeconds:0.##} s")));
        }
        catch (AggregateException failure)
        {
            Exception cause = failure.InnerException ?? failure;
            _outcomes.Add(new ProbeOutcome(name, false, $"unknown: {cause.Message} ({cause.GetType().Name})"));
        }
        return unknown;
    }
}
