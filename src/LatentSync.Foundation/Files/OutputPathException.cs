using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Files;

/// <summary>A path that cannot be written to. The message says why and what to do.</summary>
/// <param name="message">What is wrong, and what to do.</param>
/// <param name="inner">The cause; null if none.</param>
public class OutputPathException(Sentence message, Exception? inner = null) : IOException(null, inner), IFault
{
    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Input;

    /// <inheritdoc/>
    public Sentence Text { get; } = message;

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
