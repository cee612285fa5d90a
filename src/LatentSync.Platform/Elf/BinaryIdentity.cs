using System.Buffers.Binary;
using System.Runtime.InteropServices;
using LatentSync.Foundation.Files;

namespace LatentSync.Platform.Elf;

/// <summary>What kind of binary a file is, judged by its first bytes: enough to say "this is a Windows library" or
/// "this is for aarch64" in place of the dynamic loader's "cannot open shared object file".</summary>
/// <param name="Format">"ELF", "PE" (Windows), "Mach-O" (macOS) or "unknown".</param>
/// <param name="Architecture">"x64", "arm64", "x86", ... ; null where the first bytes do not say.</param>
internal sealed record BinaryIdentity(string Format, string? Architecture)
{
    /// <summary>The architecture of this process, in the same words.</summary>
    public static string ProcessArchitecture => RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    public static BinaryIdentity Read(string path)
    {
        Span<byte> head = stackalloc byte[64];
        using FileStream file = InputFile.OpenRead(path);
        int count = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        return Of(head[..count]);
    }

    public static BinaryIdentity Of(ReadOnlySpan<byte> head)
    {
        if (head.Length >= 20 && head[..4].SequenceEqual("\u007fELF"u8))
        {
            ushort machine =
                head[5] == 2 ? BinaryPrimitives.ReadUInt16BigEndian(head[0x12..]) : BinaryPrimitives.ReadUInt16LittleEndian(head[0x12..]);
            return new BinaryIdentity("ELF", ElfMachine(machine));
        }
        if (head.Length >= 2 && head[..2].SequenceEqual("MZ"u8))
        {
            return new BinaryIdentity("PE", null);
        }
        if (head.Length >= 8)
        {
            uint magic = BinaryPrimitives.ReadUInt32LittleEndian(head);
            if (magic is 0xfeedfacf)
            {
                uint cpu = BinaryPrimitives.ReadUInt32LittleEndian(head[4..]);
                return new BinaryIdentity(
                    "Mach-O",
                    cpu switch
                    {
                        0x0100000c => "arm64",
                        0x01000007 => "x64",
                        _ => null,
                    }
                );
            }
            if (magic is 0xbebafeca or 0xcafebabe)
            {
                return new BinaryIdentity("Mach-O", null);
            }
        }
        return new BinaryIdentity("unknown", null);
    }

    private static string ElfMachine(ushort machine) =>
        machine switch
        {
            3 => "x86",
            40 => "arm",
            62 => "x64",
            183 => "arm64",
            21 => "ppc64le",
            22 => "s390x",
            243 => "riscv64",
            258 => "loongarch64",
            _ => FormattableString.Invariant($"machine {machine}"),
        };
}
