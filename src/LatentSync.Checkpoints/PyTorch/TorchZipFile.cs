using LatentSync.Checkpoints.Files;
using LatentSync.Foundation.Wording;

namespace LatentSync.Checkpoints.PyTorch;

/// <summary>The layout of torch.save since PyTorch 1.6: a zip archive of a pickle and one file per storage.</summary>
/// <remarks>
/// <c>root/data.pkl</c>, <c>root/data/0</c>, ..., <c>root/version</c>, since 2.1 <c>root/byteorder</c>; "root" is any one folder name.
/// Entries are stored, not compressed, so the tensors are read straight from the file.
/// </remarks>
internal static class TorchZipFile
{
    private const string PickleName = "/data.pkl";

    public static TorchContent Read(CheckpointFile file, PickleLimits limits)
    {
        ZipDirectory zip = ZipDirectory.Read(file);
        string root = FindRoot(file, zip);
        CheckByteOrder(file, zip, root);

        ZipEntry pickle = Stored(file, zip.Entries[root + PickleName]);
        if (pickle.Length > limits.Length)
        {
            throw file.Refuse($"zip entry {root + PickleName} has {pickle.Length} bytes; at most {limits.Length} are allowed");
        }
        PickleInput input = new(file, pickle.DataOffset, pickle.Length, limits);
        object? value = PickleMachine.Run(input, limits);
        TorchContent content = TorchContent.Build(file, value, limits, FindStorage);
        return content with { Entries = [.. zip.Entries.Values] };

        TorchStorageRange? FindStorage(PickleStorage storage) =>
            zip.Entries.TryGetValue($"{root}/data/{storage.Key}", out ZipEntry? entry)
                ? new TorchStorageRange(Stored(file, entry).DataOffset, entry.Length)
                : null;
    }

    /// <summary>Compares an entry's bytes with the checksum in the directory.</summary>
    public static void VerifyChecksum(CheckpointFile file, ZipEntry entry)
    {
        byte[] buffer = new byte[(int)Math.Min(256 * 1024, entry.Length)];
        uint crc = 0;
        for (long done = 0; done < entry.Length; )
        {
            Span<byte> block = buffer.AsSpan(0, (int)Math.Min(buffer.Length, entry.Length - done));
            file.ReadExactly(entry.DataOffset + done, block);
            crc = Crc32.Append(crc, block);
            done += block.Length;
        }
        if (crc != entry.Crc32)
        {
            throw file.Refuse(
                $"zip entry {CheckpointFormatException.Quote(entry.Name)} has checksum {crc:x8}, the directory says {entry.Crc32:x8}",
                remedy: "The file is damaged: download or copy it again"
            );
        }
    }

    private static string FindRoot(CheckpointFile file, ZipDirectory zip)
    {
        string[] roots =
        [
            .. zip
                .Entries.Keys.Where(n => n.EndsWith(PickleName, StringComparison.Ordinal))
                .Select(n => n[..^PickleName.Length])
                .Where(r => !r.Contains('/')),
        ];
        if (roots.Length != 1)
        {
            Sentence found =
                roots.Length > 1 ? (Sentence)$"{roots.Length} of them"
                : zip.Entries.Keys.Any(n => n.EndsWith(".npy", StringComparison.Ordinal)) ? "NumPy arrays (an .npz file)"
                : "none";
            throw file.Refuse(
                $"a PyTorch checkpoint is a zip archive with one folder that holds data.pkl; this archive of {zip.Entries.Count} files has {found}"
            );
        }
        if (zip.Entries.ContainsKey($"{roots[0]}/constants.pkl"))
        {
            throw file.Refuse(
                "this is a TorchScript program (torch.jit.save), not a checkpoint",
                remedy: "Save its weights in Python: torch.save(module.state_dict(), path)"
            );
        }
        return roots[0];
    }

    private static void CheckByteOrder(CheckpointFile file, ZipDirectory zip, string root)
    {
        if (zip.Entries.TryGetValue($"{root}/byteorder", out ZipEntry? entry))
        {
            Span<byte> order = stackalloc byte[16];
            order = order[..(int)Math.Min(order.Length, Stored(file, entry).Length)];
            file.ReadExactly(entry.DataOffset, order);
            if (!order.SequenceEqual("little"u8))
            {
                throw file.Refuse(
                    "the checkpoint was saved on a big-endian machine; only little-endian files are read",
                    remedy: "Save it again on a little-endian machine"
                );
            }
        }
    }

    private static ZipEntry Stored(CheckpointFile file, ZipEntry entry) =>
        entry.Method == 0
            ? entry
            : throw file.Refuse(
                $"zip entry {CheckpointFormatException.Quote(entry.Name)} is compressed (method {entry.Method}); torch.save stores entries as they are",
                remedy: "Unpack the archive and pack it again without compression, or load it in Python and call torch.save"
            );
}
