using System.Globalization;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Media;

/// <summary>A media file, or the program that reads or writes it, cannot do what was asked. The message is one clear sentence, fit for a
/// user.</summary>
public class MediaException : Exception, IFault
{
    /// <summary>Makes the exception.</summary>
    /// <param name="fault">What is wrong; its number is the code.</param>
    /// <param name="message">One sentence: what was asked, what was found, what is required, what to do.</param>
    /// <param name="path">The file concerned, as the caller named it; null if none.</param>
    /// <param name="innerException">The cause; null if none.</param>
    public MediaException(MediaFault fault, Sentence message, string? path = null, Exception? innerException = null)
        : base(null, innerException)
    {
        Text = message;
        Fault = fault;
        MediaPath = path;
    }

    /// <summary>What is wrong.</summary>
    public MediaFault Fault { get; }

    /// <summary>Stable code, for instance "MED0105".</summary>
    public string Code => "MED" + ((int)Fault).ToString("D4", CultureInfo.InvariantCulture);

    /// <summary>The file concerned, as the caller named it; null if none.</summary>
    public string? MediaPath { get; }

    /// <inheritdoc/>
    public FaultKind Kind =>
        Fault < MediaFault.OutputFolder ? FaultKind.Input
        : Fault == MediaFault.ToolMissing ? FaultKind.Machine
        : FaultKind.Failed;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
