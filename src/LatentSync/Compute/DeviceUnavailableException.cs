using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Compute;

/// <summary>The device that was asked for is not there, or this libtorch cannot use it: nothing is wrong with the request itself.</summary>
public sealed class DeviceUnavailableException : InvalidOperationException, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is missing and what to do.</param>
    public DeviceUnavailableException(Sentence message)
    {
        Text = message;
    }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Machine;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
