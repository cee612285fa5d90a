namespace LatentSync.Compute;

/// <summary>The device that was asked for is not there, or this libtorch cannot use it: nothing is wrong with the request itself.</summary>
public sealed class DeviceUnavailableException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is missing and what to do.</param>
    public DeviceUnavailableException(string message)
        : base(message) { }
}
