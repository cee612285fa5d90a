using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Models.Loading;

/// <summary>A model's configuration is missing, malformed, or describes a network that cannot be built.</summary>
public sealed class ModelConfigurationException : Exception, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">One sentence: which entry, what was found, what is required.</param>
    /// <param name="innerException">The cause, if it was another exception.</param>
    public ModelConfigurationException(Sentence message, Exception? innerException = null)
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
