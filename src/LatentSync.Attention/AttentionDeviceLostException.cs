using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention;

/// <summary>A kernel broke the device's state (an illegal memory access, for instance): nothing more can run on it in this process, so
/// that no backend is tried after it. The message says what to do.</summary>
public sealed class AttentionDeviceLostException : Exception, IFault
{
    /// <summary>Makes the exception from a failure.</summary>
    /// <param name="backend">Backend whose call ended in it. The cause may be an earlier call: CUDA tells late.</param>
    /// <param name="problem">What it computed.</param>
    /// <param name="innerException">What it threw.</param>
    public AttentionDeviceLostException(string backend, in AttentionProblem problem, Exception innerException)
        : base(Describe(backend, problem, innerException), innerException)
    {
        Backend = backend;
        Problem = problem;
        Reason = FailureClassifier.Describe(FailureKind.DeviceLost).ToReason(FailureClassifier.CauseOf(innerException), setAside: null);
    }

    /// <summary>Backend whose call ended in it.</summary>
    public string Backend { get; }

    /// <summary>What it computed.</summary>
    public AttentionProblem Problem { get; }

    /// <summary>Code ATT0906, cause and remedy.</summary>
    public Reason Reason { get; }

    private static string Describe(string backend, in AttentionProblem problem, Exception innerException)
    {
        Reason reason = FailureClassifier
            .Describe(FailureKind.DeviceLost)
            .ToReason(FailureClassifier.CauseOf(innerException), setAside: null);
        return string.Join(
            Environment.NewLine,
            $"{reason.Code} {reason.Message}",
            $"  asked: {problem.Describe()}      backend: {backend}",
            $"  found: {reason.Found}      required: {reason.Required}",
            $"  remedy: {reason.Remedy}"
        );
    }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Machine;

    /// <inheritdoc/>
    public Sentence Text => base.Message;

    /// <inheritdoc/>
    public override string Message => Text.ToString();

    string? IFault.Code => Reason.Code;

    Sentence? IFault.Remedy => Reason.Remedy;

    bool IFault.HasLines => true;
}
