using LatentSync.Checkpoints;
using LatentSync.Models.Loading;
using LatentSync.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.SyncNets;

/// <summary>Loads syncnet_v2.model: a PyTorch state dictionary, in the layout from before PyTorch 1.6 as published, or any later
/// one.</summary>
public static class SyncNetV2Checkpoint
{
    // Counts training batches; files from before PyTorch 0.4.1 lack it, and evaluation does not use it.
    private const string BatchCounter = ".num_batches_tracked";

    /// <summary>Builds a network and loads it for evaluation: float32, no gradients.</summary>
    /// <param name="path">syncnet_v2.model.</param>
    /// <param name="device">Where the network lives.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CheckpointMismatchException">The file holds another network; says what it looks like.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    public static SyncNetV2 Load(string path, Device device)
    {
        using TensorArchive archive = TensorArchive.Open(path);
        SyncNetV2 network = new();
        try
        {
            StateDictOptions options = new() { Strictness = StateDictStrictness.Partial };
            StateDictReport report = StateDictLoader.Compare(network, archive, options);
            report = report with { Missing = [.. report.Missing.Where(key => !key.EndsWith(BatchCounter, StringComparison.Ordinal))] };
            if (!report.Satisfies(StateDictStrictness.Complete))
            {
                throw new CheckpointMismatchException(path, "the SyncNet of Chung and Zisserman", report, UNetCheckpoint.Describe(archive));
            }
            StateDictLoader.Load(network, archive, options);
            network.Freeze();
            network.to(device);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }
}
