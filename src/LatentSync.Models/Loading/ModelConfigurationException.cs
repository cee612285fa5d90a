namespace LatentSync.Models.Loading;

/// <summary>A model's configuration is missing, malformed, or describes a network that cannot be built.</summary>
public sealed class ModelConfigurationException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">One sentence: which entry, what was found, what is required.</param>
    /// <param name="innerException">The cause, if it was another exception.</param>
    public ModelConfigurationException(string message, Exception? innerException = null)
        : base(message, innerException) { }
}
