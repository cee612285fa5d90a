using LatentSync.Platform.Elf;
using LatentSync.Testing;

namespace LatentSync.Platform.Tests.Elf;

public sealed class ElfImageTests
{
    [Fact]
    public void Parse_RealBridge_GivesWhatReadelfShows()
    {
        using ElfImage image = Bridge.Image(Bridge.Bytes());

        Assert.Equal(62, image.Machine);
        Assert.Equal("libLibTorchSharp.so", image.SoName);
        Assert.Equal(
            [
                "libtorch.so",
                "libc10.so",
                "libtorch_cpu.so",
                "libstdc++.so.6",
                "libm.so.6",
                "libgcc_s.so.1",
                "libc.so.6",
                "ld-linux-x86-64.so.2",
            ],
            image.Needed
        );
        Assert.Equal("$ORIGIN/", image.RunPath[0]);
        Assert.Equal(28, image.VersionNeeds.Count);
        VersionNeed need = Bridge.Need(image);
        Assert.Equal(("libstdc++.so.6", false, 18), (need.File, need.IsWeak, need.Index));
        ImportedSymbol symbol = Assert.Single(image.ReadImports(), import => import.VersionIndex == need.Index);
        Assert.Equal("_ZSt21ios_base_library_initv", symbol.Name);
        Assert.DoesNotContain(symbol.Index, image.ReadRelocatedSymbols());
        Assert.True(image.ReadRelocatedSymbols().Count > 1000);
    }

    [Fact]
    public void Open_FileAndMemory_Agree()
    {
        using ElfImage memory = Bridge.Image(Bridge.Bytes()),
            file = ElfImage.Open(Bridge.Path);

        Assert.Equal(memory.VersionNeeds, file.VersionNeeds);
        Assert.Equal(memory.ReadImports(), file.ReadImports());
    }

    [Fact]
    public void ReadVersionDefinitions_SmallLibrary_GivesTheVersionsOfItsScript()
    {
        CCompiler.SkipUnlessThere();
        using var folder = new TestFolder();
        string script = folder.Write("versions", "SMALL_1.0 { global: first; local: *; };\nSMALL_1.10 { global: second; } SMALL_1.0;\n");
        string library = CCompiler.Library(
            folder,
            "libsmall.so",
            "int first(void){return 1;} int second(void){return 2;}",
            "-Wl,--version-script=" + script
        );

        using ElfImage image = ElfImage.Open(library);

        Assert.Equal(["libsmall.so", "SMALL_1.0", "SMALL_1.10"], image.ReadVersionDefinitions());
    }

    [Fact]
    public void Parse_TruncatedAnywhere_ThrowsElfFormatException()
    {
        byte[] bytes = Bridge.Bytes();
        var random = new Random(41);
        IEnumerable<int> lengths = Enumerable.Range(0, 130).Concat(Enumerable.Range(0, 300).Select(_ => random.Next(0x1d5000)));
        foreach (int length in lengths)
        {
            Assert.Throws<ElfFormatException>(() => ReadAll(bytes.AsMemory(0, length)));
        }
    }

    [Fact]
    public void Parse_MutatedBytes_GivesAnAnswerOrElfFormatException()
    {
        byte[] bytes = Bridge.Bytes();
        var random = new Random(42);
        int refused = 0;
        // The tables that are read lie in the first pages, in the version tables and in the dynamic segment.
        (int Start, int Length)[] regions = [(0, 0x270), (0x3f8f0, 0x210), (0x1d4b18, 0x270), (0x298, 64)];
        for (int round = 0; round < 3000; round++)
        {
            var undo = new List<(int At, byte Was)>();
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                (int start, int length) = regions[random.Next(regions.Length)];
                int at = start + random.Next(length);
                undo.Add((at, bytes[at]));
                bytes[at] = (byte)(random.Next(3) == 0 ? 0xff : random.Next(256));
            }
            try
            {
                ReadAll(bytes);
            }
            catch (ElfFormatException)
            {
                refused++;
            }
            for (int i = undo.Count - 1; i >= 0; i--)
            {
                bytes[undo[i].At] = undo[i].Was;
            }
        }
        Assert.InRange(refused, 300, 2999);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a library at all, but a text of more than sixty-four bytes, so that a header fits")]
    public void Parse_NoElf_SaysSo(string text)
    {
        var failure = Assert.Throws<ElfFormatException>(() => ElfImage.Parse(System.Text.Encoding.ASCII.GetBytes(text), "x.so"));

        Assert.StartsWith("x.so is not a usable ELF library", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_LinkToALargeLibrary_ReadsAFewPagesOfIt()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.File("big.so"), Bridge.Bytes());
        using (FileStream grown = new(folder.File("big.so"), FileMode.Open, FileAccess.Write))
        {
            grown.SetLength(64 << 20); // sparse: a library with a long tail
        }
        File.CreateSymbolicLink(folder.File("link.so"), "big.so");

        long before = GC.GetAllocatedBytesForCurrentThread();
        using ElfImage image = ElfImage.Open(folder.File("link.so"));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.NotEmpty(image.Needed);
        Assert.InRange(allocated, 0, 4 << 20);
    }

    [Fact]
    public async Task Open_NamedPipe_IsRefusedWithoutWaiting()
    {
        Assert.SkipUnless(NamedPipe.IsSupported, "no named pipes here");
        using TemporaryFolder folder = new();
        string pipe = await NamedPipe.CreateAsync(folder.File("pipe.so"));
        Assert.ThrowsAny<IOException>(() => ElfImage.Open(pipe));
    }

    [Fact]
    public void Parse_EndlessVersionChain_Ends()
    {
        byte[] bytes = Bridge.Bytes();
        // The first Verneed entry claims 65535 auxiliary entries, and the auxiliary entry points to itself with a step of 0 or on and on.
        bytes[0x3f8f0 + 2] = 0xff;
        bytes[0x3f8f0 + 3] = 0xff;
        bytes[0x3f900 + 12] = 16;

        Exception? outcome = Record.Exception(() => ReadVersions(bytes));

        Assert.True(outcome is null or ElfFormatException);
    }

    private static void ReadVersions(byte[] bytes)
    {
        using ElfImage image = ElfImage.Parse(bytes, "mutated.so");
        image.ReadVersionDefinitions();
    }

    private static void ReadAll(ReadOnlyMemory<byte> bytes)
    {
        using ElfImage image = ElfImage.Parse(bytes, "short.so");
        image.ReadVersionDefinitions();
        image.ReadImports();
        image.ReadRelocatedSymbols();
    }
}
