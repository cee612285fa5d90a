namespace LatentSync.Lab.Auditing;

/// <summary>What an audit found.</summary>
/// <param name="Device">Where the problems lay, "cuda:0".</param>
/// <param name="Seed">Seed of every random choice.</param>
/// <param name="LibTorch">Version of the libtorch that was asked.</param>
/// <param name="Rules">The rules against libtorch; null when left out.</param>
/// <param name="Faults">Results under injected faults; null when left out.</param>
/// <param name="Memory">Memory against the estimates; null when left out.</param>
public sealed record AuditReport(
    string Device,
    int Seed,
    string LibTorch,
    RuleAuditResult? Rules,
    FaultAuditResult? Faults,
    MemoryAuditResult? Memory
)
{
    /// <summary>Nothing disagreed, every result was right, every peak within its estimate.</summary>
    public bool Passed => Rules is not { Passed: false } && Faults is not { Passed: false } && Memory is not { Passed: false };
}

/// <summary>The rule table's verdicts against libtorch's own.</summary>
/// <param name="Problems">Problems compared.</param>
/// <param name="Equal">Equal verdicts.</param>
/// <param name="Choices">How often libtorch chose what.</param>
/// <param name="Disagreements">The first 20.</param>
public sealed record RuleAuditResult(
    int Problems,
    int Equal,
    IReadOnlyDictionary<string, int> Choices,
    IReadOnlyList<RuleDisagreement> Disagreements
)
{
    /// <summary>All were equal.</summary>
    public bool Passed => Equal == Problems;
}

/// <summary>A problem on which the rules and libtorch disagree.</summary>
/// <param name="Index">Number of the problem in the seed's sequence, from 0.</param>
/// <param name="Problem">The problem in words.</param>
/// <param name="Ours">What the rules say libtorch chooses.</param>
/// <param name="LibTorch">What it chose, or what it threw.</param>
/// <param name="Codes">Rules that, by our table, spoke against what libtorch chose; against every fused kernel when it chose none.</param>
public sealed record RuleDisagreement(int Index, string Problem, string Ours, string LibTorch, IReadOnlyList<string> Codes);

/// <summary>Results under injected faults.</summary>
/// <param name="Injected">Faults injected.</param>
/// <param name="Kinds">How many of each kind.</param>
/// <param name="Backends">How many calls each backend ended.</param>
/// <param name="Calls">Calls made.</param>
/// <param name="Incidents">Incidents that were told; one for each fault that can be recovered from.</param>
/// <param name="PassedOn">Losses of the device, which must reach the caller and did.</param>
/// <param name="LargestError">Largest absolute difference from the undisturbed result, in parts of what is allowed.</param>
/// <param name="Wrong">Calls that gave a wrong result, threw what they should not, or hid what they should not; the first 20.</param>
/// <param name="WrongCount">All of them.</param>
public sealed record FaultAuditResult(
    int Injected,
    IReadOnlyDictionary<string, int> Kinds,
    IReadOnlyDictionary<string, long> Backends,
    int Calls,
    int Incidents,
    int PassedOn,
    double LargestError,
    IReadOnlyList<string> Wrong,
    int WrongCount
)
{
    /// <summary>Every result was right, and each fault was told once.</summary>
    public bool Passed => WrongCount == 0 && Incidents + PassedOn == Injected;
}

/// <summary>Memory of one call against the estimate.</summary>
/// <param name="Method">How the peak was measured; null when this system shows none.</param>
/// <param name="AllowedBeyondBytes">What the way of measuring may add to a peak.</param>
/// <param name="Measurements">One per backend and problem.</param>
/// <param name="LeftOut">What there was no memory for.</param>
public sealed record MemoryAuditResult(
    string? Method,
    long AllowedBeyondBytes,
    IReadOnlyList<MemoryMeasurement> Measurements,
    IReadOnlyList<string> LeftOut
)
{
    /// <summary>No peak was beyond its estimate. True, too, when this system shows no peak: see <see cref="Method"/>.</summary>
    public bool Passed => Measurements.All(measurement => measurement.PeakBytes <= measurement.EstimatedBytes + AllowedBeyondBytes);
}

/// <summary>One call's memory.</summary>
/// <param name="Backend">Backend's name.</param>
/// <param name="Problem">The problem in words.</param>
/// <param name="EstimatedBytes">What the plan said.</param>
/// <param name="PeakBytes">Most memory taken beside the operands.</param>
public sealed record MemoryMeasurement(string Backend, string Problem, long EstimatedBytes, long PeakBytes);
