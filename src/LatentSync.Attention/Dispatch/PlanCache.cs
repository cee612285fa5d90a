using System.Collections.Concurrent;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Dispatch;

/// <summary>Plans by problem. A plan is reused while the quarantine is the one it was made under and free memory has not crossed a
/// limit at which it would be another one. Thread-safe.</summary>
internal sealed class PlanCache
{
    /// <summary>Problems kept. A program has tens of them; one that generates text has one per length.</summary>
    private const int Capacity = 4096;

    private readonly ConcurrentDictionary<AttentionProblem, Entry> _entries = new();

    internal bool TryGet(in AttentionProblem problem, int quarantineVersion, Func<AttentionDevice, long?> freeMemory, out Plan plan)
    {
        if (_entries.TryGetValue(problem, out Entry? entry) && entry.QuarantineVersion == quarantineVersion
            && entry.Holds(problem, freeMemory))
        {
            plan = entry.Plan;
            return true;
        }
        plan = null!;
        return false;
    }

    internal void Set(Plan plan, int quarantineVersion)
    {
        if (_entries.Count >= Capacity)
        {
            _entries.Clear();
        }
        _entries[plan.Problem] = new Entry(plan, quarantineVersion);
    }

    private sealed record Entry(Plan Plan, int QuarantineVersion)
    {
        /// <summary>A plan that only changes below so little free memory is not worth the question how much is free.</summary>
        private const long NegligibleBytes = 128L << 20;

        internal bool Holds(in AttentionProblem problem, Func<AttentionDevice, long?> freeMemory) =>
            Plan is { ValidFromFreeBytes: <= NegligibleBytes, ValidBelowFreeBytes: long.MaxValue }
            || freeMemory(problem.Device) is not { } free
            || free >= Plan.ValidFromFreeBytes && free < Plan.ValidBelowFreeBytes;
    }
}
