namespace LatentSync.Foundation.Files;

/// <summary>A name that cannot be written to: the user has to give another one.</summary>
public class OutputPathException(string message, Exception? inner = null) : IOException(message, inner);
