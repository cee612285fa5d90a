using LatentSync.Attention.Failures;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Selection;

/// <summary>A backend's answer for a problem on a machine.</summary>
/// <param name="Backend">Backend's name.</param>
/// <param name="Runs">It can compute the problem here.</param>
/// <param name="Reasons">Every reason why it does not run; empty when it does.</param>
/// <param name="Repairs">Rules that the problem breaks and that the backend cures by itself before it runs; the remedy says how.</param>
/// <param name="EstimatedBytes">Upper bound of the memory one call takes beside its operands, the result included.</param>
public sealed record Verdict(string Backend, bool Runs, IReadOnlyList<Reason> Reasons, IReadOnlyList<Reason> Repairs, long EstimatedBytes)
{
    /// <summary>The same verdict with its reasons in a language.</summary>
    /// <param name="language">The language.</param>
    public Verdict In(Language language) =>
        this with
        {
            Reasons = [.. Reasons.Select(reason => reason.In(language))],
            Repairs = [.. Repairs.Select(repair => repair.In(language))],
        };
}
