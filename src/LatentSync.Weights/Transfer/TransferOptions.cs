namespace LatentSync.Weights.Transfer;

/// <summary>How patient a fetch is.</summary>
public sealed record TransferOptions
{
    /// <summary>Failures in a row without a byte between them, after which a file is given up.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>Pause before the second attempt; each further one is twice as long.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest pause, also when the server asks for a longer one.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>A connection that gives no byte for so long is cut.</summary>
    public TimeSpan StallsAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Files at once.</summary>
    public int Parallel { get; init; } = 3;

    /// <summary>Longest file that is accepted.</summary>
    public long MaximumBytes { get; init; } = 1L << 38;

    /// <summary>Free bytes of the disk that a folder is on; null where nobody knows.</summary>
    public Func<string, long?> FreeSpace { get; init; } = DiskSpace.Free;

    /// <summary>Clock of the pauses.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Opens the stream that a partial file is written through; null: the file itself.</summary>
    internal Func<FileStream, Stream>? Writer { get; init; }
}
