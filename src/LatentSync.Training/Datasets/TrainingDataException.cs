using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Training.Datasets;

/// <summary>The data that training was given cannot be used. The message says what was looked for, where, what was found and what to
/// do.</summary>
public sealed class TrainingDataException : Exception, IFault
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">One or two sentences, fit for a user.</param>
    /// <param name="path">The file or folder concerned, as the caller named it; null if none.</param>
    /// <param name="innerException">The cause; null if none.</param>
    public TrainingDataException(Sentence message, string? path = null, Exception? innerException = null)
        : base(null, innerException)
    {
        Text = message;
        DataPath = path;
    }

    /// <summary>The file or folder concerned, as the caller named it; null if none.</summary>
    public string? DataPath { get; }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Input;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
