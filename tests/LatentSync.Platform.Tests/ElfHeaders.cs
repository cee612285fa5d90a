using System.Buffers.Binary;

namespace LatentSync.Platform.Tests;

/// <summary>The first bytes of libraries that no compiler here makes.</summary>
internal static class ElfHeaders
{
    /// <summary>An ELF header and nothing else.</summary>
    /// <param name="machine">e_machine: 183 is AArch64, 3 is x86.</param>
    /// <param name="is64Bit">ELFCLASS64.</param>
    public static byte[] Of(ushort machine, bool is64Bit = true)
    {
        byte[] bytes = new byte[128];
        "\u007fELF"u8.CopyTo(bytes);
        bytes[4] = (byte)(is64Bit ? 2 : 1);
        bytes[5] = 1;
        bytes[6] = 1;
        bytes[16] = 3; // ET_DYN
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(0x12), machine);
        bytes[0x36] = 56;
        return bytes;
    }
}
