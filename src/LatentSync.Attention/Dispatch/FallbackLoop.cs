using System.Collections.Frozen;
using System.Diagnostics;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Dispatch;

/// <summary>What a <see cref="FallbackLoop{TInputs, TOutput}"/> is built from.</summary>
public sealed record FallbackLoopOptions
{
    /// <summary>The machine.</summary>
    public required Machine Machine { get; init; }

    /// <summary>The user's wish. Default auto.</summary>
    public Policy Policy { get; init; } = Policy.Auto;

    /// <summary>Backends with their rules. Default: all that are known.</summary>
    public IReadOnlyList<BackendRules> Backends { get; init; } = AttentionRules.Backends;

    /// <summary>Which backend is tried before which. Default: the built-in order.</summary>
    public BackendRanking Ranking { get; init; } = BackendRanking.Default;

    /// <summary>Free memory of a device in bytes, null when unknown. Asked per call for large problems only. Default: unknown.</summary>
    public Func<AttentionDevice, long?> FreeMemory { get; init; } = static _ => null;

    /// <summary>Told of incidents and new plans. Default: nobody.</summary>
    public IAttentionListener? Listener { get; init; }

    /// <summary>Backends set aside. Default: none yet.</summary>
    public Quarantine Quarantine { get; init; } = new();
}

/// <summary>Select, run, and when a kernel fails: classify, set it aside, run the next. Does not know what the operands are, so that
/// tensors, spans and the tests' numbers go through the same code. Thread-safe.</summary>
/// <typeparam name="TInputs">The operands.</typeparam>
/// <typeparam name="TOutput">The result.</typeparam>
public sealed class FallbackLoop<TInputs, TOutput>
    where TInputs : allows ref struct
{
    private readonly FallbackLoopOptions _options;
    private readonly SelectionContext _selection;
    private readonly FrozenDictionary<string, IAttentionRunner<TInputs, TOutput>> _runners;
    private readonly RouteCache<TInputs, TOutput> _routes = new();

    /// <summary>A loop over the given runners.</summary>
    /// <param name="options">Machine, policy, rules.</param>
    /// <param name="runners">The backends of this process, in any order.</param>
    public FallbackLoop(FallbackLoopOptions options, IEnumerable<IAttentionRunner<TInputs, TOutput>> runners)
    {
        _options = options;
        _runners = runners.ToFrozenDictionary(runner => runner.Name, StringComparer.Ordinal);
        _selection = new SelectionContext
        {
            Machine = options.Machine,
            Policy = options.Policy,
            Backends = [.. options.Backends.Select(OnlyWithRunner)],
            Ranking = options.Ranking,
            Quarantine = options.Quarantine,
        };
    }

    /// <summary>Calls per layer class and backend.</summary>
    public UseCounters Counters { get; } = new();

    /// <summary>Backends set aside after failures.</summary>
    public Quarantine Quarantine => _options.Quarantine;

    /// <summary>What would run for a problem, and every backend's verdict. Runs nothing.</summary>
    /// <param name="problem">The problem.</param>
    /// <exception cref="ArgumentException">The problem has no meaning.</exception>
    public Plan Explain(in AttentionProblem problem) => AttentionSelector.Select(problem, _selection, _options.FreeMemory(problem.Device));

    /// <summary>Computes a problem by the best backend, or the next one when it fails. When all that may run are set aside, those whose
    /// failure may have passed are tried once more before the call is given up.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="inputs">The operands.</param>
    /// <param name="layer">Layer class, for counters and incidents.</param>
    /// <param name="cancellationToken">Checked before each attempt.</param>
    /// <exception cref="ArgumentException">The problem has no meaning.</exception>
    /// <exception cref="AttentionUnavailableException">No backend that the policy allows can run, or all have failed.</exception>
    /// <exception cref="AttentionDeviceLostException">The device's state is lost; no other backend is tried.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public TOutput Run(
        in AttentionProblem problem,
        scoped TInputs inputs,
        string? layer = null,
        CancellationToken cancellationToken = default
    )
    {
        using Activity? activity = AttentionTelemetry.Source.HasListeners() ? AttentionTelemetry.Source.StartActivity("attention") : null;
        long started = AttentionTelemetry.Start();
        Route<TInputs, TOutput> route = _routes.Find(problem, Quarantine.Version, _options.FreeMemory) ?? MakeRoute(problem, layer);
        Exception? lastFailure = null;
        long failedBytes = long.MaxValue;
        ulong tried = 0;
        bool isLastResort = false;
        while (true)
        {
            int attempt = NextAttempt(route, tried, failedBytes, isLastResort);
            if (attempt < 0)
            {
                if (isLastResort || FindLastResort(problem) is not { } lastResort)
                {
                    activity?.SetStatus(ActivityStatusCode.Error, "no attention backend is left");
                    throw Unavailable(route, lastFailure);
                }
                (route, tried, isLastResort, attempt) = (lastResort, 0, true, 0);
            }
            cancellationToken.ThrowIfCancellationRequested();
            tried |= 1UL << attempt;
            IAttentionRunner<TInputs, TOutput> runner = route.Runners[attempt];
            try
            {
                TOutput output = runner.Run(problem, inputs);
                if (isLastResort)
                {
                    Quarantine.Lift(runner.Name, problem, route.EstimatedBytes[attempt]);
                }
                route.Count(Counters, layer, runner.Name);
                if (activity is not null || AttentionTelemetry.Calls.Enabled)
                {
                    Tell(problem, layer, runner.Name, activity);
                }
                AttentionTelemetry.Stop(started, layer, runner.Name);
                return output;
            }
            catch (Exception exception) when (FailureClassifier.Classify(exception) is { } kind)
            {
                if (kind == FailureKind.DeviceLost)
                {
                    activity?.SetStatus(ActivityStatusCode.Error, "the device is lost");
                    throw new AttentionDeviceLostException(runner.Name, problem, exception);
                }
                lastFailure = exception;
                AttentionTelemetry.NoteFallback(activity, runner.Name, kind);
                failedBytes = kind == FailureKind.OutOfMemory ? Math.Min(failedBytes, route.EstimatedBytes[attempt]) : failedBytes;
                int next = NextAttempt(route, tried, failedBytes, isLastResort);
                Failed(route, attempt, next < 0 ? null : route.Runners[next].Name, isLastResort, kind, exception, layer);
            }
        }
    }

    /// <summary>The first backend that was not tried and takes no more memory than there was; when none is left, one with bounded memory
    /// and then the one that takes least, since an estimate is an upper bound. The last resort has its own order. -1 when all were
    /// tried.</summary>
    private static int NextAttempt(Route<TInputs, TOutput> route, ulong tried, long failedBytes, bool isLastResort)
    {
        int least = -1;
        for (int i = 0; i < route.EstimatedBytes.Length; i++)
        {
            if ((tried >> i & 1) != 0)
            {
                continue;
            }
            if (isLastResort || route.EstimatedBytes[i] <= failedBytes)
            {
                return i;
            }
            bool isBetter =
                least < 0
                || (
                    route.HasBoundedMemory[i] == route.HasBoundedMemory[least]
                        ? route.EstimatedBytes[i] < route.EstimatedBytes[least]
                        : route.HasBoundedMemory[i]
                );
            least = isBetter ? i : least;
        }
        return least;
    }

    private Route<TInputs, TOutput> MakeRoute(in AttentionProblem problem, string? layer)
    {
        int version = Quarantine.Version; // before the plan: an entry that comes meanwhile makes the route out of date at once
        var route = new Route<TInputs, TOutput>(Explain(problem), version, _runners, _selection.Backends);
        _routes.Set(route);
        _options.Listener?.OnPlanned(route.Plan, layer);
        return route;
    }

    private Route<TInputs, TOutput>? FindLastResort(in AttentionProblem problem)
    {
        Plan? plan = LastResort.Find(problem, _selection, _options.FreeMemory(problem.Device));
        return plan is null ? null : new Route<TInputs, TOutput>(plan, Quarantine.Version, _runners, _selection.Backends);
    }

    private static void Tell(in AttentionProblem problem, string? layer, string backend, Activity? activity)
    {
        if (AttentionTelemetry.Calls.Enabled)
        {
            AttentionTelemetry.Calls.Add(1, new(AttentionTelemetry.LayerTag, layer), new(AttentionTelemetry.BackendTag, backend));
        }
        activity
            ?.SetTag(AttentionTelemetry.LayerTag, layer)
            .SetTag(AttentionTelemetry.BackendTag, backend)
            .SetTag(AttentionTelemetry.ProblemTag, problem.Describe());
    }

    private void Failed(
        Route<TInputs, TOutput> route,
        int attempt,
        string? next,
        bool isLastResort,
        FailureKind kind,
        Exception exception,
        string? layer
    )
    {
        string backend = route.Runners[attempt].Name,
            cause = FailureClassifier.CauseOf(exception);
        long estimatedBytes = route.EstimatedBytes[attempt];
        FailureDescription failure = FailureClassifier.Describe(kind);
        AttentionTelemetry.Fallbacks.Add(
            1,
            new(AttentionTelemetry.LayerTag, layer),
            new(AttentionTelemetry.BackendTag, backend),
            new(AttentionTelemetry.CodeTag, failure.Code)
        );
        if (!Quarantine.Add(backend, route.Problem, estimatedBytes, kind, cause))
        {
            return; // told before
        }
        var reason = Quarantine.Objection(backend, route.Problem, estimatedBytes) ?? failure.ToReason(cause, setAside: null);
        next ??= isLastResort ? null : FindLastResort(route.Problem)?.Runners[0].Name;
        _options.Listener?.OnIncident(new AttentionIncident(backend, kind, reason, route.Problem, layer, next, exception));
    }

    private AttentionUnavailableException Unavailable(Route<TInputs, TOutput> route, Exception? lastFailure)
    {
        AttentionProblem problem = route.Problem;
        string? alternative = _selection.Policy.Equals(Policy.Auto)
            ? null
            : AttentionSelector.Select(problem, _selection with { Policy = Policy.Auto }, _options.FreeMemory(problem.Device)).Chosen;
        return new AttentionUnavailableException(lastFailure is null ? route.Plan : Explain(problem), alternative, lastFailure);
    }

    private BackendRules OnlyWithRunner(BackendRules rules) =>
        _runners.ContainsKey(rules.Name) ? rules : rules with { Constraints = [.. rules.Constraints, CommonRules.NotInProcess] };
}
