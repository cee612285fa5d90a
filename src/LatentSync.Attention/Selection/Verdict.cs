namespace LatentSync.Attention.Selection;

/// <summary>One rule that a problem breaks on a machine, or one failure that happened.</summary>
/// <param name="Code">Stable code, "ATT0801"; see docs/error-codes.md.</param>
/// <param name="Message">The rule or the event in one sentence.</param>
/// <param name="Found">What was found: "headDim 512".</param>
/// <param name="Required">What is required: "headDim &lt;= 256".</param>
/// <param name="Remedy">What to do, in the order of least effort.</param>
public sealed record Reason(string Code, string Message, string Found, string Required, string Remedy);

/// <summary>A backend's answer for a problem on a machine.</summary>
/// <param name="Backend">Backend's name.</param>
/// <param name="Runs">It can compute the problem here.</param>
/// <param name="Reasons">Every reason why it does not run; empty when it does.</param>
/// <param name="Repairs">Rules that the problem breaks and that the backend cures by itself before it runs; the remedy says how.</param>
/// <param name="EstimatedBytes">Upper bound of the memory one call takes beside its operands, the result included.</param>
public sealed record Verdict(
    string Backend, bool Runs, IReadOnlyList<Reason> Reasons, IReadOnlyList<Reason> Repairs, long EstimatedBytes);
