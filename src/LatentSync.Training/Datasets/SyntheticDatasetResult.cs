namespace LatentSync.Training.Datasets;

/// <summary>What a run wrote.</summary>
public sealed record SyntheticDatasetResult
{
    /// <summary>Full path of the folder.</summary>
    public required string Folder { get; init; }

    /// <summary>Full path of the folder of aligned faces, which training takes; null: none were asked for.</summary>
    public required string? FacesFolder { get; init; }

    /// <summary>Clips drawn by this run.</summary>
    public required int ClipsWritten { get; init; }

    /// <summary>Clips that an earlier run had completed.</summary>
    public required int ClipsKept { get; init; }

    /// <summary>Frames drawn by this run.</summary>
    public required long FramesWritten { get; init; }

    /// <summary>Duration of the run in seconds.</summary>
    public required double TotalSeconds { get; init; }

    /// <summary>Milliseconds of the run per frame drawn; 0 when none was.</summary>
    public double MillisecondsPerFrame => FramesWritten == 0 ? 0 : TotalSeconds * 1000 / FramesWritten;
}
