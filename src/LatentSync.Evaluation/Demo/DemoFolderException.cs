using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Evaluation.Demo;

/// <summary>The demo's output folder holds something that is not the demo's to replace. The message is one sentence, fit for a
/// user.</summary>
public sealed class DemoFolderException : Exception, IFault
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What is in the way, and what to do.</param>
    public DemoFolderException(Sentence message)
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
