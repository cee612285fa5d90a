namespace LatentSync.Training.Loops;

/// <summary>A training cannot start or go on; the message says why, and what is kept.</summary>
public class TrainingException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was found, what is required, what to do.</param>
    public TrainingException(string message)
        : base(message) { }
}
