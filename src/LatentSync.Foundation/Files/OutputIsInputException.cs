namespace LatentSync.Foundation.Files;

/// <summary>What would be written is also what is read.</summary>
internal sealed class OutputIsInputException(string message) : OutputPathException(message);
