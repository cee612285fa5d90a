using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Doctor.Machines;

/// <summary>A machine was described in a way that cannot be understood: an unknown GPU, a number out of range, a file that is none. The
/// message says what was given, what is possible, and for a file where.</summary>
public sealed class MachineDescriptionException : Exception, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">One clear sentence.</param>
    /// <param name="innerException">What was thrown below; null for none.</param>
    public MachineDescriptionException(Sentence message, Exception? innerException = null)
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
