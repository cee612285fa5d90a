namespace LatentSync.Lab.Parity;

/// <summary>A fixture is missing, incomplete or corrupt, so that nothing can be compared.</summary>
public sealed class ParityException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">One sentence: which file, what is wrong with it, what is required.</param>
    /// <param name="innerException">The cause, if it was another exception.</param>
    public ParityException(string message, Exception? innerException = null)
        : base(message, innerException) { }
}
