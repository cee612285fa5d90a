using LatentSync.Lab.Parity;

namespace LatentSync.Lab.Conformance;

/// <summary>One case, computed and compared.</summary>
/// <param name="Name">The case's name.</param>
/// <param name="Backend">What computed it; what was required when nothing did.</param>
/// <param name="Outcome">Passed, failed, or skipped: the rules of the required backend refuse the case.</param>
/// <param name="MaxAbsError">Largest absolute difference of Y, presents and scores; null when nothing finite was compared.</param>
/// <param name="Comparisons">Every output, compared.</param>
/// <param name="Message">What was compared, the first failure, or why it was skipped.</param>
public sealed record AttentionCaseResult(
    string Name,
    string Backend,
    ParityOutcome Outcome,
    double? MaxAbsError,
    IReadOnlyList<ParityComparison> Comparisons,
    string Message
)
{
    /// <summary>Every output is right.</summary>
    public bool Passed => Outcome == ParityOutcome.Passed;

    /// <summary>The line that <c>latentsync attention run</c> prints: outcome, name, backend, message.</summary>
    public override string ToString() => $"{Outcome.ToString().ToLowerInvariant()}  {Name}  {Backend}  {Message}";
}

/// <summary>All cases of one run.</summary>
/// <param name="Results">One entry a case, in order.</param>
public sealed record AttentionCaseSummary(IReadOnlyList<AttentionCaseResult> Results)
{
    /// <summary>Cases whose outputs are all right.</summary>
    public int Passed => Results.Count(r => r.Outcome == ParityOutcome.Passed);

    /// <summary>Cases with a wrong output, or that could not be read or computed.</summary>
    public int Failed => Results.Count(r => r.Outcome == ParityOutcome.Failed);

    /// <summary>Cases that the required backend's rules refuse.</summary>
    public int Skipped => Results.Count(r => r.Outcome == ParityOutcome.Skipped);

    /// <summary>The last line: "N passed, N failed", and ", N skipped" when some were.</summary>
    public override string ToString() => $"{Passed} passed, {Failed} failed" + (Skipped > 0 ? $", {Skipped} skipped" : string.Empty);
}
