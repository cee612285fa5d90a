using LatentSync.Checkpoints.Files;

namespace LatentSync.Checkpoints.PyTorch;

/// <summary>What a PyTorch checkpoint holds, whichever of the two layouts it was read from.</summary>
/// <param name="Tensors">In the order of the pickle.</param>
/// <param name="Metadata">Everything else, as text.</param>
internal sealed record TorchContent(IReadOnlyList<StoredTensor> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>The files of the zip layout; empty for the older one.</summary>
    public IReadOnlyList<ZipEntry> Entries { get; init; } = [];

    public static TorchContent Build(CheckpointFile file, object? root, PickleLimits limits, Func<PickleStorage, TorchStorageRange?> find)
    {
        (IReadOnlyDictionary<string, PickleTensor> tensors, IReadOnlyDictionary<string, string> metadata) = PickleFlattener.Flatten(
            file,
            root,
            limits
        );
        return new TorchContent([.. tensors.Select(t => TorchStorageMap.Locate(file, t.Key, t.Value, find))], metadata);
    }
}
