using System.Collections.Frozen;
using System.Diagnostics;
using LatentSync.Attention.Constraints;
using LatentSync.Attention.Problems;
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
    private readonly PlanCache _plans = new();

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

    /// <summary>Computes a problem by the best backend, or the next one when it fails.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="inputs">The operands.</param>
    /// <param name="layer">Layer class, for counters and incidents.</param>
    /// <param name="cancellationToken">Checked before each attempt.</param>
    /// <exception cref="ArgumentException">The problem has no meaning.</exception>
    /// <exception cref="AttentionUnavailableException">No backend that the policy allows can run, or all have failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public TOutput Run(
        in AttentionProblem problem, scoped TInputs inputs, string? layer = null, CancellationToken cancellationToken = default)
    {
        using Activity? activity = AttentionTelemetry.Source.StartActivity("attention");
        Plan plan = PlanFor(problem, layer);
        Exception? lastFailure = null;
        long failedBytes = long.MaxValue;
        for (int attempt = -1; attempt < plan.Order.Count && plan.Chosen is not null; attempt++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            string backend = attempt < 0 ? plan.Chosen : plan.Order[attempt];
            if (IsHopeless(plan, attempt, failedBytes))
            {
                continue;
            }
            try
            {
                TOutput output = _runners[backend].Run(problem, inputs);
                Completed(problem, layer, backend, activity);
                return output;
            }
            catch (Exception exception) when (FailureClassifier.Classify(exception) is { } kind and not FailureKind.DeviceLost)
            {
                lastFailure = exception;
                long estimatedBytes = plan.VerdictOf(backend)!.EstimatedBytes;
                failedBytes = kind == FailureKind.OutOfMemory ? estimatedBytes : failedBytes;
                Failed(plan, attempt, backend, estimatedBytes, failedBytes, kind, exception, layer);
            }
        }
        string? alternative = _selection.Policy.Equals(Policy.Auto)
            ? null
            : AttentionSelector.Select(problem, _selection with { Policy = Policy.Auto }, _options.FreeMemory(problem.Device)).Chosen;
        throw new AttentionUnavailableException(lastFailure is null ? plan : Explain(problem), alternative, lastFailure);
    }

    /// <summary>Memory ran out with less than this backend takes; the last one is tried all the same.</summary>
    private static bool IsHopeless(Plan plan, int attempt, long failedBytes) =>
        attempt >= 0 && attempt < plan.Order.Count - 1 && plan.VerdictOf(plan.Order[attempt])!.EstimatedBytes > failedBytes;

    private Plan PlanFor(in AttentionProblem problem, string? layer)
    {
        int version = Quarantine.Version;
        if (!_plans.TryGet(problem, version, _options.FreeMemory, out Plan plan))
        {
            plan = Explain(problem);
            _plans.Set(plan, version);
            _options.Listener?.OnPlanned(plan, layer);
        }
        return plan;
    }

    private void Completed(in AttentionProblem problem, string? layer, string backend, Activity? activity)
    {
        Counters.Count(layer, backend);
        if (AttentionTelemetry.Calls.Enabled)
        {
            AttentionTelemetry.Calls.Add(1, new(AttentionTelemetry.LayerTag, layer), new(AttentionTelemetry.BackendTag, backend));
        }
        activity?.SetTag(AttentionTelemetry.LayerTag, layer).SetTag(AttentionTelemetry.BackendTag, backend)
            .SetTag(AttentionTelemetry.ProblemTag, problem.Describe());
    }

    private void Failed(
        Plan plan, int attempt, string backend, long estimatedBytes, long failedBytes, FailureKind kind, Exception exception, string? layer)
    {
        FailureDescription failure = FailureClassifier.Describe(kind);
        AttentionTelemetry.Fallbacks.Add(1, new(AttentionTelemetry.LayerTag, layer), new(AttentionTelemetry.BackendTag, backend),
            new(AttentionTelemetry.CodeTag, failure.Code));
        if (!Quarantine.Add(backend, plan.Problem, estimatedBytes, kind, exception.Message))
        {
            return; // told before
        }
        string? next = plan.Order.Where((_, i) => i > attempt && !IsHopeless(plan, i, failedBytes)).FirstOrDefault();
        var reason = Quarantine.Objection(backend, plan.Problem, estimatedBytes)
            ?? failure.ToReason(exception.Message, setAside: null);
        _options.Listener?.OnIncident(new AttentionIncident(backend, kind, reason, plan.Problem, layer, next, exception));
    }

    private BackendRules OnlyWithRunner(BackendRules rules) =>
        _runners.ContainsKey(rules.Name) ? rules : rules with { Constraints = [.. rules.Constraints, CommonRules.NotInProcess] };
}
