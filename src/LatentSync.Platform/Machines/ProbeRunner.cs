namespace LatentSync.Platform.Machines;

/// <summary>How one probe ended.</summary>
/// <param name="Name">What was probed, "gpu".</param>
/// <param name="Succeeded">It gave an answer ("none" is an answer).</param>
/// <param name="Detail">The answer in short, or why there is none.</param>
public sealed record ProbeOutcome(string Name, bool Succeeded, string Detail)
{
    /// <summary>How long the probe took, in milliseconds; for one that was given up, how long it was waited for.</summary>
    public double Milliseconds { get; init; }
}

/// <summary>Runs probes beside each other so that one which throws or hangs costs only its own answer.</summary>
/// <param name="limit">How long a probe may take.</param>
/// <param name="deadline">How long all of them may take together, counted from here.</param>
internal sealed class ProbeRunner(TimeSpan limit, TimeSpan deadline)
{
    private readonly List<ProbeOutcome> _outcomes = [];
    private readonly long _began = TimeProvider.System.GetTimestamp();

    /// <summary>How each probe ended, in the order in which their answers were taken.</summary>
    public IReadOnlyList<ProbeOutcome> Outcomes => _outcomes;

    /// <summary>Time since the runner was made.</summary>
    public TimeSpan Elapsed => TimeProvider.System.GetElapsedTime(_began);

    /// <summary>Starts one probe on a thread of its own. A probe that exceeds the limit is abandoned (a driver that hangs in a
    /// system call cannot be stopped); its thread does not keep the process alive.</summary>
    /// <param name="name">For the outcome.</param>
    /// <param name="probe">The probe.</param>
    /// <param name="unknown">The answer when there is none.</param>
    /// <param name="describe">The answer in short.</param>
    /// <returns>Takes the answer, waiting for it at most until the limit; to be called once.</returns>
    public Func<T> Start<T>(string name, Func<T> probe, T unknown, Func<T, string> describe)
    {
        var answer = new TaskCompletionSource<(T Value, TimeSpan Took)>();
        long started = TimeProvider.System.GetTimestamp();
        var thread = new Thread(() =>
        {
            try
            {
                T value = probe();
                answer.SetResult((value, TimeProvider.System.GetElapsedTime(started)));
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
        return () => Take(name, answer.Task, started, unknown, describe);
    }

    private T Take<T>(string name, Task<(T Value, TimeSpan Took)> answer, long started, T unknown, Func<T, string> describe)
    {
        TimeSpan left = limit - TimeProvider.System.GetElapsedTime(started),
            leftOfAll = deadline - Elapsed;
        TimeSpan wait = left < leftOfAll ? left : leftOfAll;
        try
        {
            if (answer.Wait(wait > TimeSpan.Zero ? wait : TimeSpan.Zero))
            {
                Add(new ProbeOutcome(name, true, describe(answer.Result.Value)), answer.Result.Took);
                return answer.Result.Value;
            }
            TimeSpan given = left < leftOfAll ? limit : deadline;
            Add(
                new ProbeOutcome(name, false, FormattableString.Invariant($"unknown: no answer within {given.TotalSeconds:0.##} s")),
                TimeProvider.System.GetElapsedTime(started)
            );
        }
        catch (AggregateException failure)
        {
            Exception cause = failure.InnerException ?? failure;
            Add(
                new ProbeOutcome(name, false, $"unknown: {cause.Message} ({cause.GetType().Name})"),
                TimeProvider.System.GetElapsedTime(started)
            );
        }
        return unknown;
    }

    private void Add(ProbeOutcome outcome, TimeSpan took) =>
        _outcomes.Add(outcome with { Milliseconds = Math.Round(took.TotalMilliseconds, 1) });
}
