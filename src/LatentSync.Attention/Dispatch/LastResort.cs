using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Dispatch;

/// <summary>What to try when every backend that may run is set aside: a problem that can be computed must not be refused for good because
/// memory was short once.</summary>
internal static class LastResort
{
    /// <summary>A plan over the backends that are set aside, and for nothing else than a failure that may have passed. First those that ran
    /// out of memory, with bounded memory before the others and by estimate; then the last one in the ranking that failed in an unknown
    /// way. Null when there is none.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="context">The selection, with its quarantine.</param>
    /// <param name="freeBytes">Memory that is free now; null when unknown.</param>
    internal static Plan? Find(in AttentionProblem problem, SelectionContext context, long? freeBytes)
    {
        if (context.Quarantine is not { Entries.Count: > 0 } quarantine)
        {
            return null;
        }
        Plan plan = AttentionSelector.Select(problem, context with { Quarantine = null }, freeBytes);
        List<Verdict> lacked = [];
        string? last = null;
        foreach (Verdict verdict in plan.Verdicts.Where(verdict => verdict.Runs))
        {
            // Not set aside: another thread's success has just lifted it.
            FailureKind kind = quarantine.KindOf(verdict.Backend, problem, verdict.EstimatedBytes) ?? FailureKind.OutOfMemory;
            if (kind == FailureKind.OutOfMemory)
            {
                lacked.Add(verdict);
            }
            else if (Quarantine.MayPass(kind))
            {
                last = verdict.Backend;
            }
        }
        var limited = context.Backends.Where(backend => backend.IsLimitedByMemory).Select(backend => backend.Name).ToHashSet();
        List<string> order =
        [
            .. lacked
                .OrderBy(verdict => limited.Contains(verdict.Backend))
                .ThenBy(verdict => verdict.EstimatedBytes)
                .Select(verdict => verdict.Backend),
        ];
        if (last is not null)
        {
            order.Add(last);
        }
        return order.Count == 0 ? null : plan with { Chosen = order[0], Order = order[1..] };
    }
}
