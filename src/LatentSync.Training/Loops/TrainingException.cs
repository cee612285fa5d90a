using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Training.Loops;

/// <summary>A training cannot start or go on; the message says why, and what is kept.</summary>
public class TrainingException : Exception, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was found, what is required, what to do.</param>
    public TrainingException(Sentence message)
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
