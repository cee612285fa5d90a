using System.Runtime.CompilerServices;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Dispatch;

/// <summary>A plan made ready to run: its backends looked up, its counters at hand. Immutable but for the remembered counter.</summary>
/// <typeparam name="TInputs">The operands.</typeparam>
/// <typeparam name="TOutput">The result.</typeparam>
internal sealed class Route<TInputs, TOutput>
    where TInputs : allows ref struct
{
    /// <summary>A plan that only changes below so little free memory is not worth the question how much is free.</summary>
    private const long NegligibleBytes = 128L << 20;

    private readonly AttentionProblem _problem;
    private readonly int _quarantineVersion;
    private readonly bool _dependsOnMemory;
    private Tally? _tally;

    internal Route(
        Plan plan,
        int quarantineVersion,
        IReadOnlyDictionary<string, IAttentionRunner<TInputs, TOutput>> runners,
        IReadOnlyList<BackendRules> rules
    )
    {
        Plan = plan;
        _problem = plan.Problem;
        _quarantineVersion = quarantineVersion;
        _dependsOnMemory = plan is not { ValidFromFreeBytes: <= NegligibleBytes, ValidBelowFreeBytes: long.MaxValue };
        string[] order = plan.Chosen is null ? [] : [plan.Chosen, .. plan.Order];
        Runners = [.. order.Select(name => runners[name])];
        HasBoundedMemory = [.. order.Select(name => !rules.First(backend => backend.Name == name).IsLimitedByMemory)];
        EstimatedBytes = [.. order.Select(name => plan.VerdictOf(name)!.EstimatedBytes)];
    }

    internal Plan Plan { get; }

    /// <summary>The chosen backend and those after it; empty when none runs.</summary>
    internal IAttentionRunner<TInputs, TOutput>[] Runners { get; }

    /// <summary>Which of <see cref="Runners"/> do not need the whole score matrix.</summary>
    internal bool[] HasBoundedMemory { get; }

    /// <summary>Memory estimates of <see cref="Runners"/>.</summary>
    internal long[] EstimatedBytes { get; }

    internal ref readonly AttentionProblem Problem => ref _problem;

    /// <summary>The plan is still the one that would be made: same quarantine, free memory within the same limits.</summary>
    internal bool Holds(int quarantineVersion, Func<AttentionDevice, long?> freeMemory) =>
        _quarantineVersion == quarantineVersion
        && (
            !_dependsOnMemory
            || freeMemory(_problem.Device) is not { } free
            || free >= Plan.ValidFromFreeBytes && free < Plan.ValidBelowFreeBytes
        );

    /// <summary>Counts a call of a layer. The last pair's counter is remembered, so that a layer that calls again and again is counted
    /// without a search.</summary>
    internal void Count(UseCounters counters, string? layer, string backend)
    {
        Tally? tally = _tally;
        if (tally is null || !ReferenceEquals(tally.Layer, layer) || !ReferenceEquals(tally.Backend, backend))
        {
            _tally = tally = new Tally(layer, backend, counters.CounterOf(layer, backend));
        }
        Interlocked.Increment(ref tally.Calls.Value);
    }

    private sealed record Tally(string? Layer, string Backend, StrongBox<long> Calls);
}
