using LatentSync.Foundation.Wording;

namespace LatentSync.Weights.Transfer;

/// <summary>A transfer ended early; another attempt may succeed.</summary>
internal sealed class CutException(Sentence text, TimeSpan? after = null, Exception? inner = null) : Exception(null, inner)
{
    /// <summary>What happened.</summary>
    internal Sentence Text { get; } = text;

    /// <summary>How long the server asks to wait; null: it does not say.</summary>
    internal TimeSpan? After { get; } = after;
}
