using System.Buffers.Binary;
using LatentSync.Checkpoints.Files;

namespace LatentSync.Checkpoints.PyTorch;

/// <summary>The layout of torch.save before PyTorch 1.6: five pickles, then the storages.</summary>
/// <remarks>
/// Magic number, protocol version 1001, a dictionary about the machine, the value, the list of storage keys; then for each key the number
/// of elements (8 bytes, little endian) and the elements (_legacy_save in torch/serialization.py).
/// </remarks>
internal static class TorchLegacyFile
{
    private const long ProtocolVersion = 1001;

    public static TorchContent Read(CheckpointFile file, PickleLimits limits)
    {
        PickleInput input = new(file, 0, Math.Min(file.Length, limits.Length), limits);
        _ = PickleMachine.Run(input, limits);
        if (PickleMachine.Run(input, limits) is not ProtocolVersion)
        {
            throw input.Refuse($"the layout's version is not {ProtocolVersion}");
        }
        if (PickleMachine.Run(input, limits) is not PickleDictionary machine || machine.Items.Contains(new("little_endian", false)))
        {
            throw input.Refuse(
                "the checkpoint was saved on a big-endian machine; only little-endian files are read",
                "Save it again on a little-endian machine"
            );
        }
        StorageCollector storages = new();
        object? value = PickleMachine.Run(input, limits, storages.Add);
        if (PickleMachine.Run(input, limits) is not PickleList keys)
        {
            throw input.Refuse("the list of storage keys is missing");
        }
        Dictionary<string, TorchStorageRange> ranges = ReadRanges(file, input.Position, keys, storages);
        return TorchContent.Build(
            file,
            value,
            limits,
            storage => ranges.TryGetValue(storage.Key, out TorchStorageRange range) ? range : null
        );
    }

    private static Dictionary<string, TorchStorageRange> ReadRanges(
        CheckpointFile file,
        long position,
        PickleList keys,
        StorageCollector storages
    )
    {
        Dictionary<string, TorchStorageRange> ranges = new(StringComparer.Ordinal);
        Span<byte> prefix = stackalloc byte[sizeof(long)];
        foreach (object? item in keys.Items)
        {
            if (item is not string key || !storages.Found.TryGetValue(key, out PickleStorage? storage))
            {
                throw file.Refuse($"the list of storages names {TorchRebuild.Describe(item)}, which no tensor uses");
            }
            file.ReadExactly(position, prefix);
            position += prefix.Length;
            long count = BinaryPrimitives.ReadInt64LittleEndian(prefix);
            long length = storage.ElementCount * storage.ElementType.SizeInBytes();
            if (count != storage.ElementCount || length > file.Length - position)
            {
                throw file.Refuse(
                    $"storage {CheckpointFormatException.Quote(key)} has {count} elements at byte {position}; "
                        + $"{storage.ElementCount} of {storage.ElementType} before byte {file.Length} are required",
                    remedy: "The file is truncated or damaged: download or copy it again"
                );
            }
            if (!ranges.TryAdd(key, new TorchStorageRange(position, length)))
            {
                throw file.Refuse($"storage {CheckpointFormatException.Quote(key)} is listed twice");
            }
            position += length;
        }
        return ranges;
    }

    /// <summary>Remembers the storages that the value mentions: their element types give the sizes in the last part of the file.</summary>
    private sealed class StorageCollector
    {
        public Dictionary<string, PickleStorage> Found { get; } = new(StringComparer.Ordinal);

        public void Add(PickleStorage storage) => Found[storage.Key] = storage;
    }
}
