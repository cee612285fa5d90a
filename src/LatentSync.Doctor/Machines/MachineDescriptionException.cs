namespace LatentSync.Doctor.Machines;

/// <summary>A machine was described in a way that cannot be understood: an unknown GPU, a number out of range, a file that is none. The
/// message says what was given, what is possible, and for a file where.</summary>
public sealed class MachineDescriptionException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">One clear sentence.</param>
    /// <param name="innerException">What was thrown below; null for none.</param>
    public MachineDescriptionException(string message, Exception? innerException = null)
        : base(message, innerException) { }
}
