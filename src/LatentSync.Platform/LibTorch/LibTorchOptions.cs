namespace LatentSync.Platform.LibTorch;

/// <summary>Which libtorch to load.</summary>
public sealed record LibTorchOptions
{
    /// <summary>Folder of an external libtorch (the one that holds libtorch_cpu, for instance the torch/lib of a Python install).
    /// Default null: LATENTSYNC_LIBTORCH if set, else the libtorch beside the program.</summary>
    public string? Folder { get; init; }

    /// <summary>Folder for the repaired copy. Default null: LATENTSYNC_CACHE, else the user's cache folder.</summary>
    public string? CacheFolder { get; init; }
}
