namespace LatentSync.Lab.Parity;

/// <summary>How a fixture ended.</summary>
public enum ParityOutcome
{
    /// <summary>Every comparison is within its tolerance.</summary>
    Passed,

    /// <summary>A comparison is not, or nothing could be compared.</summary>
    Failed,

    /// <summary>No class of this project computes this kind of fixture.</summary>
    Skipped,
}

/// <summary>One fixture, computed and compared.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="Name">The manifest's "fixture" entry; the folder's name when there is no readable manifest.</param>
/// <param name="Kind">Name of the class that computed it, "-" when none did.</param>
/// <param name="Outcome">Passed, failed or skipped.</param>
/// <param name="Comparisons">Every comparison that was made, in order.</param>
/// <param name="Message">One line: what was compared, the first failure, or why nothing was compared.</param>
public sealed record ParityResult(
    string Folder,
    string Name,
    string Kind,
    ParityOutcome Outcome,
    IReadOnlyList<ParityComparison> Comparisons,
    string Message
)
{
    /// <summary>The line that <c>latentsync parity</c> prints: outcome, name, kind, message.</summary>
    public override string ToString() => $"{Outcome.ToString().ToLowerInvariant()}  {Name}  ({Kind})  {Message}";
}

/// <summary>All fixtures of one run.</summary>
/// <param name="Results">One entry a fixture, in the order of the arguments.</param>
public sealed record ParitySummary(IReadOnlyList<ParityResult> Results)
{
    /// <summary>Fixtures within their tolerances.</summary>
    public int Passed => Results.Count(r => r.Outcome == ParityOutcome.Passed);

    /// <summary>Fixtures outside of them, or not computable.</summary>
    public int Failed => Results.Count(r => r.Outcome == ParityOutcome.Failed);

    /// <summary>Fixtures of kinds that this project does not compute.</summary>
    public int Skipped => Results.Count(r => r.Outcome == ParityOutcome.Skipped);

    /// <summary>The last line of <c>latentsync parity</c>: "N passed, N failed", and ", N skipped" when some were.</summary>
    public override string ToString() => $"{Passed} passed, {Failed} failed" + (Skipped > 0 ? $", {Skipped} skipped" : string.Empty);
}
