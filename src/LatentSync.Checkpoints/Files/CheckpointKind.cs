namespace LatentSync.Checkpoints.Files;

/// <summary>What the first bytes of a checkpoint say it is.</summary>
internal enum CheckpointKind
{
    /// <summary>Eight bytes of header length, then JSON.</summary>
    Safetensors,

    /// <summary>What torch.save writes since PyTorch 1.6.</summary>
    TorchZip,

    /// <summary>JSON that lists the files of a checkpoint split over several.</summary>
    ShardIndex,

    /// <summary>What torch.save wrote before PyTorch 1.6, or with _use_new_zipfile_serialization=False.</summary>
    TorchLegacy,
}
