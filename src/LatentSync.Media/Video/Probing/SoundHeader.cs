using System.Buffers.Binary;
using LatentSync.Foundation.Files;

namespace LatentSync.Media.Video.Probing;

/// <summary>What the header of a WAV, W64 or CAF file says about its length. ffmpeg goes by the bytes that are there.</summary>
internal static class SoundHeader
{
    private const int MostChunks = 10_000;

    /// <summary>From here on a WAV's length is a placeholder, as programs write it that do not know the end yet.</summary>
    private const uint Placeholder = 0x7FFF0000;

    private static ReadOnlySpan<byte> W64Tail => [0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6, 0x28, 0xDB, 0x04, 0xC1, 0x00, 0x00];

    /// <summary>Examines a file.</summary>
    /// <param name="fullPath">A readable file.</param>
    /// <returns>The length by the header of a file that holds less; null when all is there, or when no length is stated.</returns>
    public static TimeSpan? LengthOfCut(string fullPath)
    {
        using FileStream file = InputFile.OpenRead(fullPath);
        Span<byte> head = stackalloc byte[16];
        return file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length ? null
            : head[..4].SequenceEqual("caff"u8) ? OfCaf(file)
            : head[4..].SequenceEqual(W64Tail) && head[..4].SequenceEqual("riff"u8) ? OfW64(file)
            : head[..4].SequenceEqual("RIFF"u8) || head[..4].SequenceEqual("RF64"u8) ? OfWav(file)
            : null;
    }

    private static TimeSpan? OfWav(FileStream file)
    {
        Span<byte> header = stackalloc byte[8],
            content = stackalloc byte[16];
        long? dataOf64 = null;
        double rate = 0;
        long at = 12;
        for (int i = 0; i < MostChunks && Read(file, at, header); i++)
        {
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
            if (header[..4].SequenceEqual("data"u8))
            {
                long? stated =
                    size == uint.MaxValue ? dataOf64
                    : size is > 0 and < Placeholder ? size
                    : null;
                return Missing(file, at + 8, stated, rate);
            }

            if (header[..4].SequenceEqual("ds64"u8) && Read(file, at + 8, content))
            {
                dataOf64 = BinaryPrimitives.ReadInt64LittleEndian(content[8..]);
            }
            else if (header[..4].SequenceEqual("fmt "u8) && Read(file, at + 8, content))
            {
                rate = BinaryPrimitives.ReadUInt32LittleEndian(content[8..]);
            }

            at += 8 + size + (size & 1);
        }

        return null;
    }

    private static TimeSpan? OfW64(FileStream file)
    {
        Span<byte> header = stackalloc byte[24],
            content = stackalloc byte[16];
        double rate = 0;
        long at = 40;
        for (int i = 0; i < MostChunks && Read(file, at, header); i++)
        {
            long size = BinaryPrimitives.ReadInt64LittleEndian(header[16..]); // with its own 24 bytes
            if (header[..4].SequenceEqual("data"u8))
            {
                return Missing(file, at + 24, size - 24, rate);
            }

            if (header[..4].SequenceEqual("fmt "u8) && Read(file, at + 24, content))
            {
                rate = BinaryPrimitives.ReadUInt32LittleEndian(content[8..]);
            }

            if (size < 24 || size > file.Length)
            {
                return null;
            }

            at += (size + 7) & ~7L;
        }

        return null;
    }

    private static TimeSpan? OfCaf(FileStream file)
    {
        Span<byte> header = stackalloc byte[12],
            content = stackalloc byte[24];
        double rate = 0;
        long at = 8;
        for (int i = 0; i < MostChunks && Read(file, at, header); i++)
        {
            long size = BinaryPrimitives.ReadInt64BigEndian(header[4..]);
            if (header[..4].SequenceEqual("data"u8))
            {
                return Missing(file, at + 16, size - 4, rate); // a number stands before the samples
            }

            if (header[..4].SequenceEqual("desc"u8) && Read(file, at + 12, content))
            {
                uint packetBytes = BinaryPrimitives.ReadUInt32BigEndian(content[16..]),
                    packetFrames = BinaryPrimitives.ReadUInt32BigEndian(content[20..]);
                rate = packetFrames == 0 ? 0 : BinaryPrimitives.ReadDoubleBigEndian(content) * packetBytes / packetFrames;
            }

            if (size < 0 || size > file.Length)
            {
                return null;
            }

            at += 12 + size;
        }

        return null;
    }

    /// <param name="file">The file.</param>
    /// <param name="begin">Where the samples begin.</param>
    /// <param name="stated">Their bytes by the header; null, 0 or less: not stated.</param>
    /// <param name="rate">Bytes per second.</param>
    private static TimeSpan? Missing(FileStream file, long begin, long? stated, double rate) =>
        stated > 0
        && rate is >= 1 and < 1e12
        && stated - (file.Length - begin) > rate / 100
        && stated / rate < TimeSpan.MaxValue.TotalSeconds
            ? TimeSpan.FromSeconds(stated.Value / rate)
            : null;

    private static bool Read(FileStream file, long at, Span<byte> target)
    {
        if (at < 0 || at > file.Length - target.Length)
        {
            return false;
        }

        file.Position = at;
        file.ReadExactly(target);
        return true;
    }
}
