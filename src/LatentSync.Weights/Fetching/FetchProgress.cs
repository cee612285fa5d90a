namespace LatentSync.Weights.Fetching;

/// <summary>What happens to a file.</summary>
public enum FetchStage
{
    /// <summary>The server is asked, or what is there is verified.</summary>
    Check,

    /// <summary>Another process fetches the same file; its end is waited for.</summary>
    Wait,

    /// <summary>Bytes come.</summary>
    Fetch,

    /// <summary>The file is in its place.</summary>
    Done,
}

/// <summary>How far a file is.</summary>
/// <param name="Path">Its path below the folder.</param>
/// <param name="Stage">What happens.</param>
/// <param name="Bytes">Bytes that are there.</param>
/// <param name="Total">Bytes in all; null: not known.</param>
public readonly record struct FetchProgress(string Path, FetchStage Stage, long Bytes, long? Total);
