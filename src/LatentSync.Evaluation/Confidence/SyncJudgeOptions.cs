namespace LatentSync.Evaluation.Confidence;

/// <summary>Which network judges: the first of <see cref="SyncNetPath"/>, <see cref="StableSyncNetPath"/> and what
/// <see cref="CheckpointFolder"/> holds.</summary>
public sealed record SyncJudgeOptions
{
    /// <summary>syncnet_v2.model; null: not given.</summary>
    public string? SyncNetPath { get; init; }

    /// <summary>stable_syncnet.pt or a file of its layout; null: not given.</summary>
    public string? StableSyncNetPath { get; init; }

    /// <summary>The StableSyncNet's configuration; null: the preset that fits the file.</summary>
    public string? StableSyncNetConfigurationPath { get; init; }

    /// <summary>Folder with auxiliary/syncnet_v2.model or stable_syncnet.pt; null: not given.</summary>
    public string? CheckpointFolder { get; init; }

    /// <summary>"auto", "cpu", "cuda", "cuda:N" or "mps". Default "auto".</summary>
    public string Device { get; init; } = "auto";
}
