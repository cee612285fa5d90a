using System.Text;
using LatentSync.Foundation.Wording;

namespace LatentSync.Checkpoints.Files;

/// <summary>Tells file kinds apart by their first bytes, and names the usual impostors.</summary>
internal static class CheckpointKinds
{
    /// <summary>The pickle of 0x1950a86a20f9469cfc6c with which every checkpoint of the layout before PyTorch 1.6 begins.</summary>
    internal static ReadOnlySpan<byte> LegacyMagic =>
        [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E];

    private const string Resave = "Save it again in Python: torch.save(state_dict, path)";
    private const string DownloadAgain = "Download the file itself again";

    public static CheckpointKind Recognize(CheckpointFile file)
    {
        Span<byte> buffer = stackalloc byte[512];
        Span<byte> head = buffer[..(int)Math.Min(buffer.Length, file.Length)];
        file.ReadExactly(0, head);

        if (head.StartsWith("PK\x03\x04"u8) || head.StartsWith("PK\x05\x06"u8))
        {
            return CheckpointKind.TorchZip;
        }
        if (head.StartsWith(LegacyMagic))
        {
            return CheckpointKind.TorchLegacy;
        }

        if (IsShardIndex(file, head))
        {
            return CheckpointKind.ShardIndex;
        }

        // A header length that makes no sense is named by the header's parser; eight printable characters are no length but text.
        if (head.Length > 8 && head[8] == (byte)'{' && head[..8].ContainsAnyExceptInRange((byte)' ', (byte)'~'))
        {
            return CheckpointKind.Safetensors;
        }
        (Sentence problem, Sentence? remedy) = DescribeStranger(head);
        throw file.Refuse(problem, remedy: remedy);
    }

    // By the name too, since the list may begin with long metadata.
    private static bool IsShardIndex(CheckpointFile file, ReadOnlySpan<byte> head)
    {
        ReadOnlySpan<byte> text = head.StartsWith("\uFEFF"u8) ? head[3..] : head;
        return text.TrimStart(" \t\r\n"u8).StartsWith("{"u8)
            && (
                text.IndexOf("\"weight_map\""u8) >= 0
                || (file.Path.Contains(".index.", StringComparison.Ordinal) && file.Path.EndsWith(".json", StringComparison.Ordinal))
            );
    }

    private static (Sentence Problem, Sentence? Remedy) DescribeStranger(ReadOnlySpan<byte> head)
    {
        ReadOnlySpan<byte> text = head.StartsWith("\uFEFF"u8) ? head[3..] : head;
        text = text.TrimStart(" \t\r\n"u8);
        if (text.StartsWith("version https://git-lfs"u8))
        {
            return (
                "this is a Git LFS pointer, not the file it points to",
                "Fetch the file with 'git lfs pull', or download it from the model's page"
            );
        }
        if (text.StartsWith("<"u8))
        {
            return ("this is an HTML or XML page, probably an error or login page saved in place of the download", DownloadAgain);
        }
        if (text.StartsWith("{"u8) || text.StartsWith("["u8))
        {
            return ("this is a JSON file, not a checkpoint", "A configuration belongs beside the checkpoint; name the checkpoint file");
        }
        if (head.Length >= 2 && head[0] == 0x80 && head[1] is >= 1 and <= 5)
        {
            return ("this is a plain Python pickle that torch.save did not write", Resave);
        }
        if (head[1..].StartsWith("NUMPY"u8))
        {
            return ("this is a NumPy array file, which is not read here", Resave);
        }
        if (head.StartsWith("GGUF"u8))
        {
            return ("this is a GGUF file, which is not read here", "Use the original .safetensors or .pt file");
        }
        if (head[1..].StartsWith("HDF\r\n"u8))
        {
            return ("this is an HDF5 file, which is not read here", Resave);
        }
        if (
            head.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B])
            || head.StartsWith("BZh"u8)
            || head.StartsWith((ReadOnlySpan<byte>)[0xFD, 0x37, 0x7A, 0x58, 0x5A])
        )
        {
            return ("this is a compressed file (gzip, bzip2 or xz)", "Decompress it first");
        }
        if (head.Length >= 262 && head[257..262].SequenceEqual("ustar"u8))
        {
            return (
                "this is a tar file (torch.save wrote such files before PyTorch 0.1.10)",
                "Unpack it, or load it with an old PyTorch and save it again: torch.save(state_dict, path)"
            );
        }
        if (head.IndexOfAnyExcept((byte)0) < 0)
        {
            return ("the file begins with zeros only, as an interrupted download leaves it", DownloadAgain);
        }
        string hex = Convert.ToHexString(head[..Math.Min(16, head.Length)]);
        string ascii = string.Concat(
            Encoding.Latin1.GetString(head[..Math.Min(16, head.Length)]).Select(c => c is >= ' ' and <= '~' ? c : '.')
        );
        return ((Sentence)$"the file is neither safetensors nor a PyTorch checkpoint; it begins with the bytes {hex} ({ascii})", null);
    }
}
