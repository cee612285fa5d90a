namespace LatentSync.Weights.Fetching;

/// <summary>Where a file came from.</summary>
public enum FetchOrigin
{
    /// <summary>It was in the folder already.</summary>
    Present,

    /// <summary>It was copied from the hub's cache on this machine.</summary>
    Cache,

    /// <summary>It was fetched.</summary>
    Server,
}

/// <summary>One file of a fetch.</summary>
/// <param name="Path">Its path below the folder, with forward slashes.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Origin">Where it came from.</param>
/// <param name="Sha256">The hash of what came; of an unpacked archive, the archive's; null: nothing was read.</param>
/// <param name="IsVerified">The hash is the one that the catalogue or the server names. Otherwise nobody names one, and at most the length
/// was compared.</param>
public sealed record FetchedFile(string Path, long Bytes, FetchOrigin Origin, string? Sha256, bool IsVerified);
