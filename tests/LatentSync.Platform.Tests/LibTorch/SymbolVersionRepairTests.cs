using System.Buffers.Binary;
using LatentSync.Platform.Elf;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Loading;

namespace LatentSync.Platform.Tests.LibTorch;

public sealed class SymbolVersionRepairTests
{
    private const int RelaTable = 0x3fb00;
    private const int RelaSize = 24;

    [Fact]
    public void IsHarmless_RealBridge_IsTrue()
    {
        using ElfImage image = Bridge.Image(Bridge.Bytes());

        Assert.True(SymbolVersionRepair.IsHarmless(image, Bridge.Need(image), out string reason), reason);
    }

    [Fact]
    public void IsHarmless_AnyOtherVersion_IsFalse()
    {
        using ElfImage image = Bridge.Image(Bridge.Bytes());
        VersionNeed other = image.VersionNeeds.Single(need => need.Version == "GLIBC_2.34");

        Assert.False(SymbolVersionRepair.IsHarmless(image, other, out string reason));
        Assert.Contains("GLIBC_2.34", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void IsHarmless_RelocationUsesTheSymbol_IsFalse()
    {
        byte[] bytes = Bridge.Bytes();
        using ElfImage before = Bridge.Image(bytes);
        int symbol = before.ReadImports().Single(import => import.Name == SymbolVersionRepair.HarmlessSymbol).Index;
        // r_info's upper half is the symbol: give it to the last entry of the table (0x8fa0 bytes).
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(RelaTable + 0x8fa0 - RelaSize + 12), (uint)symbol);
        using ElfImage image = Bridge.Image(bytes);

        Assert.False(SymbolVersionRepair.IsHarmless(image, Bridge.Need(image), out string reason));
        Assert.Contains("relocation", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void IsHarmless_SecondSymbolOfTheVersion_IsFalse()
    {
        byte[] bytes = Bridge.Bytes();
        using ElfImage before = Bridge.Image(bytes);
        int other = before.ReadImports().First(import => import.VersionIndex == 2).Index;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(0x3dfae + 2 * other), 18); // .gnu.version
        using ElfImage image = Bridge.Image(bytes);

        Assert.False(SymbolVersionRepair.IsHarmless(image, Bridge.Need(image), out string reason));
        Assert.Contains("alone", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_RealBridge_ChangesOneBitAndIsIdempotent()
    {
        byte[] original = Bridge.Bytes();
        using ElfImage image = Bridge.Image(original);

        byte[] once = SymbolVersionRepair.Apply(original, Bridge.Need(image));
        byte[] twice = SymbolVersionRepair.Apply(once, Bridge.Need(image));

        int[] changed = Enumerable.Range(0, original.Length).Where(i => original[i] != once[i]).ToArray();
        Assert.Equal([(int)Bridge.Need(image).FlagsOffset], changed);
        Assert.Equal(0x2, original[changed[0]] ^ once[changed[0]]);
        Assert.Equal(once, twice);
        using ElfImage repaired = Bridge.Image(once);
        Assert.True(Bridge.Need(repaired).IsWeak);
        Assert.Equal(original, Bridge.Bytes());
    }

    [Fact]
    public void Repair_NotTheHarmlessCase_ThrowsWithVersionAndProvider()
    {
        using ElfImage image = Bridge.Image(Bridge.Bytes());
        VersionNeed glibc = image.VersionNeeds.Single(need => need.Version == "GLIBC_2.34");
        var problem = new VersionProblem(Bridge.Path, glibc, "/lib/libc.so.6", "GLIBC_2.31");

        var failure = Assert.Throws<NativeLoadException>(() => SymbolVersionRepair.Repair(Bridge.Path, [problem], []));

        Assert.Equal(NativeLoadCause.SymbolVersionMissing, failure.Failure.Cause);
        Assert.Equal("GLIBC_2.34", failure.Failure.Subject);
        Assert.Contains("GLIBC_2.31", failure.Message, StringComparison.Ordinal);
        Assert.Contains("Ubuntu 22.04", failure.Failure.Remedy, StringComparison.Ordinal);
    }
}
