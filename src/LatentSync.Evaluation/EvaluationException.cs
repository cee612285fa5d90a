namespace LatentSync.Evaluation;

/// <summary>Something cannot be measured: no face to follow, a checkpoint that is not there; the message says what was found and what to
/// do.</summary>
public sealed class EvaluationException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was found, what is required, what to do.</param>
    /// <param name="innerException">The cause, if it was another exception.</param>
    public EvaluationException(string message, Exception? innerException = null)
        : base(message, innerException) { }
}
