using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LatentSync.Checkpoints.PyTorch;

/// <summary>The zip format's checksum: CRC-32, reflected polynomial 0xEDB88320.</summary>
/// <remarks>
/// Sixteen bytes a step by sixteen tables of 256 ("slicing by 16", after Kounavis and Berry, "A systematic approach to building high
/// performance software-based CRC generators", 2005).
/// </remarks>
internal static class Crc32
{
    private const int Slices = 16;

    private static readonly uint[] Tables = BuildTables();

    /// <summary>The checksum of earlier bytes followed by these.</summary>
    /// <param name="crc">Checksum of the earlier bytes; 0 for none.</param>
    /// <param name="bytes">Bytes to add.</param>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        ref uint tables = ref MemoryMarshal.GetArrayDataReference(Tables);
        crc = ~crc;
        for (; bytes.Length >= Slices; bytes = bytes[Slices..])
        {
            ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(bytes[..Slices]);
            crc =
                Fold(ref tables, words[0] ^ crc, 12)
                ^ Fold(ref tables, words[1], 8)
                ^ Fold(ref tables, words[2], 4)
                ^ Fold(ref tables, words[3], 0);
        }
        foreach (byte value in bytes)
        {
            crc = (crc >> 8) ^ Tables[(byte)(crc ^ value)];
        }
        return ~crc;
    }

    /// <summary>The effect of four bytes that <paramref name="following"/> bytes of the block follow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Fold(ref uint tables, uint word, int following) =>
        Unsafe.Add(ref tables, ((following + 3) * 256) + (byte)word)
        ^ Unsafe.Add(ref tables, ((following + 2) * 256) + (byte)(word >> 8))
        ^ Unsafe.Add(ref tables, ((following + 1) * 256) + (byte)(word >> 16))
        ^ Unsafe.Add(ref tables, (following * 256) + (int)(word >> 24));

    private static uint[] BuildTables()
    {
        uint[] tables = new uint[Slices * 256];
        for (uint i = 0; i < 256; i++)
        {
            uint crc = i;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB8_8320);
            }
            tables[i] = crc;
        }
        for (int i = 256; i < tables.Length; i++)
        {
            tables[i] = (tables[i - 256] >> 8) ^ tables[(byte)tables[i - 256]];
        }
        return tables;
    }
}
