using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Dispatch;

/// <summary>A kernel failed and another one took over, or none was left.</summary>
/// <param name="Backend">What failed.</param>
/// <param name="Kind">How.</param>
/// <param name="Reason">Code, cause and remedy.</param>
/// <param name="Problem">What it computed.</param>
/// <param name="Layer">Layer class that asked; null when it did not say.</param>
/// <param name="Next">What runs instead; the backend itself when it is tried once more; null when nothing is left.</param>
/// <param name="Exception">What the kernel threw.</param>
public sealed record AttentionIncident(
    string Backend,
    FailureKind Kind,
    Reason Reason,
    AttentionProblem Problem,
    string? Layer,
    string? Next,
    Exception Exception
)
{
    /// <summary>Stable number of the event for logs.</summary>
    public const int EventId = 9001;

    /// <summary>One line for a log: code, cause, what runs instead, remedy.</summary>
    public override string ToString() =>
        $"{Reason.Code} {Backend} failed on {Problem.Describe()}{(Layer is null ? "" : $" ({Layer})")}: {Reason.Found} "
        + $"{(Next is null ? "No backend is left." : Next == Backend ? "It is tried once more." : $"{Next} runs instead.")} Remedy: {Reason.Remedy}.";
}

/// <summary>Receives what a dispatcher has to tell. The layer above writes the log; this one has no logging package.
/// Called on the thread that computes; an exception thrown here reaches the caller of the attention.</summary>
public interface IAttentionListener
{
    /// <summary>A kernel failed. Once per backend and problem class (per size when memory ran out), not per call.</summary>
    /// <param name="incident">What happened.</param>
    void OnIncident(AttentionIncident incident);

    /// <summary>A plan was made for a problem that was not known yet. Does nothing by default.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="layer">Layer class that asked; null when it did not say.</param>
    void OnPlanned(Plan plan, string? layer) { }
}
