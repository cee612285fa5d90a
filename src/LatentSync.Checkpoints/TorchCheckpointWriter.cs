using LatentSync.Checkpoints.PyTorch;
using LatentSync.Checkpoints.Writing;
using LatentSync.Foundation.Files;

namespace LatentSync.Checkpoints;

/// <summary>Writes a checkpoint that Python's <c>torch.load(path, weights_only=True)</c> reads (PyTorch 1.6 or later).</summary>
public static class TorchCheckpointWriter
{
    /// <summary>Root folder of the archive; what torch.save writes when it is given a stream.</summary>
    private const string Root = "archive";

    /// <summary>Writes the file beside its target, flushes it to the disk and renames it; until then the target stays as it was.</summary>
    /// <param name="path">The target; replaced if it exists.</param>
    /// <param name="root">The dictionary to write, for instance {"state_dict": {...}, "global_step": 0}.</param>
    /// <exception cref="ArgumentException">The dictionary contains itself, or text that is not valid Unicode.</exception>
    /// <exception cref="InvalidOperationException">A payload produced another number of bytes than its shape requires.</exception>
    /// <exception cref="IOException">The file cannot be written; nothing is left behind.</exception>
    public static void Write(string path, CheckpointDictionary root) => Write(path, root, ZipFormat.See64);

    internal static void Write(string path, CheckpointDictionary root, long zipLimit32)
    {
        ArgumentNullException.ThrowIfNull(root);
        (ReadOnlyMemory<byte> pickle, IReadOnlyList<TensorPayload> storages) = PickleEncoder.Encode(root);
        PartialFile.Write(
            path,
            stream =>
            {
                ZipWriter zip = new(stream, zipLimit32);
                zip.WriteEntry($"{Root}/data.pkl", pickle);
                zip.WriteEntry($"{Root}/byteorder", "little"u8.ToArray());
                for (int i = 0; i < storages.Count; i++)
                {
                    zip.WriteEntry(FormattableString.Invariant($"{Root}/data/{i}"), storages[i].ByteCount, storages[i].WriteTo);
                }
                zip.WriteEntry($"{Root}/version", "3\n"u8.ToArray());
                zip.Complete();
            }
        );
    }
}
