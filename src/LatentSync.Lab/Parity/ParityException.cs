using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Lab.Parity;

/// <summary>A fixture is missing, incomplete or corrupt, so that nothing can be compared.</summary>
public sealed class ParityException : Exception, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">One sentence: which file, what is wrong with it, what is required.</param>
    /// <param name="innerException">The cause, if it was another exception.</param>
    public ParityException(Sentence message, Exception? innerException = null)
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

    bool IFault.HasLines => true;
}
