using LatentSync.Platform.LibTorch;

namespace LatentSync.Attention.Torch;

/// <summary>The gate to libtorch: call <see cref="EnsureLoaded"/> before the first touch of TorchSharp.</summary>
public static class TorchRuntime
{
    /// <summary>Finds, repairs if needed, and loads libtorch. Cheap after the first call; safe from several threads.</summary>
    public static void EnsureLoaded() => LibTorchLoader.EnsureLoaded();
}
