namespace LatentSync.Foundation.Files;

/// <summary>What would be written is also what is read.</summary>
public sealed class OutputIsInputException(string message) : OutputPathException(message);
