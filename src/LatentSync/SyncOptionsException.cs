namespace LatentSync;

/// <summary>An option has a value that cannot be used; the message names the option, the value and what is allowed.</summary>
public sealed class SyncOptionsException : ArgumentException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">One clear sentence.</param>
    public SyncOptionsException(string message)
        : base(message) { }
}
