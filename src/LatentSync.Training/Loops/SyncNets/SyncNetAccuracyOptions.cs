namespace LatentSync.Training.Loops.SyncNets;

/// <summary>What <see cref="SyncNetAccuracy"/> measures.</summary>
public sealed record SyncNetAccuracyOptions
{
    /// <summary>Folder of aligned face videos, or a file of their paths.</summary>
    public required string DataPath { get; init; }

    /// <summary>stable_syncnet.pt or a file of its layout.</summary>
    public required string CheckpointPath { get; init; }

    /// <summary>The network's configuration; null: the preset that fits the file.</summary>
    public string? ConfigurationPath { get; init; }

    /// <summary>Folder of the image autoencoder, for a network that sees latents.</summary>
    public string? AutoencoderFolder { get; init; }

    /// <summary>Pairs, at least 1. Default 2048, as the original's.</summary>
    public int Samples { get; init; } = 2048;

    /// <summary>Pairs at a time, at least 1. Default 8.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>Chooses the pairs.</summary>
    public long Seed { get; init; } = 1247;

    /// <summary>"auto", "cpu", "cuda", "cuda:N" or "mps". Default "auto".</summary>
    public string Device { get; init; } = "auto";
}
