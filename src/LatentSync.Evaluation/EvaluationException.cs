using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Evaluation;

/// <summary>Something cannot be measured: no face to follow, a checkpoint that is not there; the message says what was found and what to
/// do.</summary>
public sealed class EvaluationException : Exception, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was found, what is required, what to do.</param>
    /// <param name="innerException">The cause, if it was another exception.</param>
    public EvaluationException(Sentence message, Exception? innerException = null)
        : base(null, innerException)
    {
        Text = message;
    }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Input;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
