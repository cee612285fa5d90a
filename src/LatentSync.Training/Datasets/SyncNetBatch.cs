using TorchSharp;

namespace LatentSync.Training.Datasets;

/// <summary>Pairs of pictures and sound for a synchronisation network, on its device.</summary>
/// <param name="Visual">(B, F·C, H, W).</param>
/// <param name="Audio">(B, 1, 80, columns).</param>
/// <param name="Labels">(B), float32: 1 in sync, 0 not.</param>
/// <param name="Windows">Where they come from.</param>
public sealed record SyncNetBatch(torch.Tensor Visual, torch.Tensor Audio, torch.Tensor Labels, IReadOnlyList<SyncWindow> Windows)
    : IDisposable
{
    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Visual.Dispose();
        Audio.Dispose();
        Labels.Dispose();
    }
}
