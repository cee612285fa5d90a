using System.Globalization;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Faces.Detection;

/// <summary>A file or component of the face stage cannot be used. The message is one clear sentence, fit for a user.</summary>
public sealed class FaceException : Exception, IFault
{
    /// <summary>Makes the exception.</summary>
    /// <param name="fault">What is wrong; its number is the code.</param>
    /// <param name="message">What was asked, what was found, what is required, what to do.</param>
    /// <param name="path">The file concerned, as the caller named it; null if none.</param>
    /// <param name="reasons">Why each candidate was not usable; empty if there was no choice.</param>
    /// <param name="innerException">The cause; null if none.</param>
    public FaceException(
        FaceFault fault,
        Sentence message,
        string? path = null,
        IReadOnlyList<string>? reasons = null,
        Exception? innerException = null
    )
        : base(null, innerException)
    {
        Text = message;
        Fault = fault;
        FilePath = path;
        Reasons = reasons ?? [];
    }

    /// <summary>What is wrong.</summary>
    public FaceFault Fault { get; }

    /// <summary>Stable code, for instance "FAC0103".</summary>
    public string Code => "FAC" + ((int)Fault).ToString("D4", CultureInfo.InvariantCulture);

    /// <summary>The file concerned, as the caller named it; null if none.</summary>
    public string? FilePath { get; }

    /// <summary>Why each candidate was not usable; empty if there was no choice.</summary>
    public IReadOnlyList<string> Reasons { get; }

    /// <inheritdoc/>
    public FaultKind Kind => Fault < FaceFault.NoDetector ? FaultKind.Input : FaultKind.Machine;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
