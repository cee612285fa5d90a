using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Files;

/// <summary>What would be written is also what is read.</summary>
public sealed class OutputIsInputException(Sentence message) : OutputPathException(message);
