namespace LatentSync.Run;

/// <summary>What a mouth source is and did, for the run and its report.</summary>
/// <param name="Seed">The seed in use; 0 where nothing is random.</param>
/// <param name="Device">Where it computes; "none" where no network does.</param>
/// <param name="DType">In which element type; "none" where no network does.</param>
/// <param name="DTypeReason">Why in this one.</param>
internal sealed record MouthFacts(long Seed, string Device, string DType, string DTypeReason)
{
    /// <summary>Each frame gets its own face back, not that of the nearest network frame, and nothing is faded.</summary>
    public bool KeepsOwnFace { get; init; }

    /// <summary>Chunks that may be under way at once, 1 or more.</summary>
    public int Window { get; init; } = 1;
}
