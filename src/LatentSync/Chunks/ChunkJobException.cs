using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Chunks;

/// <summary>What was read is no chunk job, or not one as it was written.</summary>
public sealed class ChunkJobException : FormatException, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="problem">What is wrong with it: the rest of a sentence, without a full stop.</param>
    /// <param name="innerException">The cause; null if none.</param>
    public ChunkJobException(Sentence problem, Exception? innerException = null)
        : base(null, innerException)
    {
        Text = Sentence.Of($"This is not a chunk job: {problem}.");
    }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Input;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
