using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;

namespace LatentSync.Attention.Selection;

/// <summary>Everything besides the problem that a selection depends on.</summary>
public sealed record SelectionContext
{
    /// <summary>The machine, found or described.</summary>
    public required Machine Machine { get; init; }

    /// <summary>The user's wish.</summary>
    public Policy Policy { get; init; } = Policy.Auto;

    /// <summary>The backends and their rules.</summary>
    public IReadOnlyList<BackendRules> Backends { get; init; } = AttentionRules.Backends;

    /// <summary>Which backend is tried before which.</summary>
    public BackendRanking Ranking { get; init; } = BackendRanking.Default;

    /// <summary>Backends set aside after failures; null for none.</summary>
    public Quarantine? Quarantine { get; init; }
}

/// <summary>Chooses a backend: a pure function, the same answer for the same input.</summary>
public static class AttentionSelector
{
    /// <summary>Judges every backend and makes the plan.</summary>
    /// <param name="problem">The problem. Must be valid.</param>
    /// <param name="context">Machine, policy, rules, ranking, quarantine.</param>
    /// <param name="freeBytes">Memory that is free on the problem's device, in bytes; null when unknown (memory then refuses
    /// nothing, and large score matrices rank behind slices).</param>
    /// <exception cref="ArgumentException">The problem has no meaning.</exception>
    public static Plan Select(in AttentionProblem problem, SelectionContext context, long? freeBytes)
    {
        problem.Validate();
        IReadOnlyList<string> ranking = context.Ranking.OrderFor(problem, context.Machine, freeBytes);
        var verdicts = new List<Verdict>(context.Backends.Count);
        var runnable = new List<Verdict>(context.Backends.Count);
        long validFrom = 0,
            validBelow = long.MaxValue;
        foreach (BackendRules backend in context.Backends.OrderBy(rules => Rank(rules.Name, context.Policy, ranking)))
        {
            Verdict verdict = Judge(problem, backend, context, freeBytes);
            verdicts.Add(verdict);
            if (backend.IsLimitedByMemory && freeBytes is { } free)
            {
                long need = MemoryRules.FreeBytesNeeded(verdict.EstimatedBytes);
                (validFrom, validBelow) = need <= free ? (Math.Max(validFrom, need), validBelow) : (validFrom, Math.Min(validBelow, need));
            }
            if (verdict.Runs)
            {
                runnable.Add(verdict);
            }
        }
        return new Plan
        {
            Problem = problem,
            Policy = context.Policy,
            Chosen = runnable.Count > 0 ? runnable[0].Backend : null,
            Order = [.. runnable.Skip(1).Select(verdict => verdict.Backend)],
            Verdicts = verdicts,
            EstimatedBytes = runnable.Count > 0 ? runnable[0].EstimatedBytes : 0,
            ValidFromFreeBytes = validFrom,
            ValidBelowFreeBytes = validBelow,
        };
    }

    private static Verdict Judge(in AttentionProblem problem, BackendRules backend, SelectionContext context, long? freeBytes)
    {
        var subject = new ConstraintSubject(problem, context.Machine, backend.EstimateBytes(problem, context.Machine), freeBytes);
        List<Reason>? reasons = null,
            repairs = null;
        foreach (Constraint constraint in backend.Constraints)
        {
            if (constraint.Violation(subject) is { } found)
            {
                ref List<Reason>? list = ref constraint.Repair is null ? ref reasons : ref repairs;
                (list ??= []).Add(constraint.ToReason(backend.Name, found));
            }
        }
        if (PolicyRules.Objection(backend.Name, context.Policy) is { } objection)
        {
            (reasons ??= []).Add(objection);
        }
        if (context.Quarantine?.Objection(backend.Name, problem, subject.EstimatedBytes) is { } failure)
        {
            (reasons ??= []).Add(failure);
        }
        return new Verdict(backend.Name, reasons is null, reasons ?? [], repairs ?? [], subject.EstimatedBytes);
    }

    private static int Rank(string backend, Policy policy, IReadOnlyList<string> ranking)
    {
        if (backend == policy.Preferred)
        {
            return -1;
        }
        for (int i = 0; i < ranking.Count; i++)
        {
            if (ranking[i] == backend)
            {
                return i;
            }
        }
        return int.MaxValue;
    }
}
