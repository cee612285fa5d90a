using System.Runtime.InteropServices;
using LatentSync.Platform.Loading;

namespace LatentSync.Platform.Tests.Loading;

public sealed class NativeLoadDiagnosisTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TryLoadFile_SmallLibrary_Loads()
    {
        CCompiler.SkipUnlessThere();
        string library = CCompiler.Library(_folder, "libgood.so", "int good(void){return 1;}");

        Assert.Null(NativeLibraryProbe.TryLoadFile(library));
    }

    [Fact]
    public void TryLoadFile_MissingDependency_NamesItAndWhoNeedsIt()
    {
        CCompiler.SkipUnlessThere();
        string needed = CCompiler.Library(
            _folder,
            "libneeded_by_test.so",
            "int needed(void){return 1;}",
            "-Wl,-soname,libneeded_by_test.so.7"
        );
        string library = CCompiler.Library(_folder, "libuser.so", "int needed(void); int use(void){return needed();}", needed);
        File.Delete(needed);

        NativeLoadFailure failure = NativeLibraryProbe.TryLoadFile(library)!;

        Assert.Equal(
            (NativeLoadCause.DependencyMissing, "libneeded_by_test.so.7", library),
            (failure.Cause, failure.Subject, failure.File)
        );
        Assert.Equal("NAT0105", failure.Code);
    }

    [Fact]
    public void TryLoadFile_MissingSymbolVersion_NamesVersionAndNewestThere()
    {
        CCompiler.SkipUnlessThere();
        string oldScript = _folder.Write("old", "SMALL_1.2 { global: a; local: *; };");
        string newScript = _folder.Write("new", "SMALL_1.2 { global: a; local: *; };\nSMALL_1.10 { global: b; } SMALL_1.2;");
        const string Name = "-Wl,-soname,libversioned_by_test.so";
        string provider = CCompiler.Library(
            _folder,
            "libversioned_by_test.so",
            "int a(void){return 1;} int b(void){return 2;}",
            Name,
            "-Wl,--version-script=" + newScript
        );
        string library = CCompiler.Library(_folder, "libuser.so", "int b(void); int use(void){return b();}", provider);
        CCompiler.Library(_folder, "libversioned_by_test.so", "int a(void){return 1;}", Name, "-Wl,--version-script=" + oldScript);

        // The loader itself finds the provider only by LD_LIBRARY_PATH or a run path; the diagnosis is given the folder.
        var search = new DependencySearch { OwnFolders = [_folder.Path] };
        NativeLoadFailure failure = NativeLoadDiagnosis.Diagnose(library, new DllNotFoundException("it did not load"), search);

        Assert.Equal((NativeLoadCause.SymbolVersionMissing, "SMALL_1.10"), (failure.Cause, failure.Subject));
        Assert.Contains("SMALL_1.2", failure.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void TryLoadFile_UndefinedSymbol_NamesIt()
    {
        CCompiler.SkipUnlessThere();
        string library = CCompiler.Library(
            _folder,
            "libopen.so",
            "extern int nowhere_to_be_found; int use(void){return nowhere_to_be_found;}"
        );

        NativeLoadFailure failure = NativeLibraryProbe.TryLoadFile(library)!;

        Assert.Equal((NativeLoadCause.SymbolMissing, "nowhere_to_be_found"), (failure.Cause, failure.Subject));
    }

    [Theory]
    [InlineData(183, true, "arm64")]
    [InlineData(3, false, "x86")]
    [InlineData(243, true, "riscv64")]
    public void TryLoadFile_OtherProcessor_SaysWhichWasFoundAndRequired(ushort machine, bool is64Bit, string found)
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64,
            "The expected texts are those of Linux x64."
        );
        string path = _folder.At("libother.so");
        File.WriteAllBytes(path, ElfHeaders.Of(machine, is64Bit));

        NativeLoadFailure failure = NativeLibraryProbe.TryLoadFile(path)!;

        Assert.Equal(NativeLoadCause.WrongArchitecture, failure.Cause);
        Assert.Contains(found, failure.Found, StringComparison.Ordinal);
        Assert.Contains("ELF for x64", failure.Required, StringComparison.Ordinal);
    }

    [Fact]
    public void ExamineFile_WindowsLibraryOnLinux_SaysSo()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux refuses it.");
        string path = _folder.Write("torch.dll", "MZ and so on, as a Windows library begins");

        NativeLoadFailure failure = NativeLoadDiagnosis.ExamineFile(path)!;

        Assert.Equal(NativeLoadCause.WrongArchitecture, failure.Cause);
        Assert.Contains("PE", failure.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void TryLoadFile_ShortFile_IsDamaged()
    {
        string path = _folder.Write("libshort.so", "x");

        Assert.Equal(NativeLoadCause.FileDamaged, NativeLibraryProbe.TryLoadFile(path)!.Cause);
    }

    [Fact]
    public void TryLoad_LibraryThatIsNowhere_NamesFileAndFolder()
    {
        NativeLoadFailure failure = NativeLibraryProbe.TryLoad("nowhere_to_be_found", out string path)!;

        Assert.Equal(NativeLoadCause.FileMissing, failure.Cause);
        Assert.Contains("nowhere_to_be_found", path, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("libgomp.so.1", "apt-get install libgomp1")]
    [InlineData("libcuda.so.1", "NVIDIA driver")]
    [InlineData("libcudnn.so.9", "nvidia-cudnn")]
    [InlineData("libc.so.6", "musl")]
    [InlineData("libwhatever.so.3", "libwhatever.so.3")]
    public void Remedy_KnownLibraries_NamesThePackage(string library, string expected) =>
        Assert.Contains(expected, LibraryPackages.Remedy(library), StringComparison.Ordinal);

    [Fact]
    public void Newest_NumbersAreComparedAsNumbers() =>
        Assert.Equal(
            "GLIBCXX_3.4.30",
            DependencyGraph.Newest(
                ["GLIBCXX_3.4.9", "GLIBCXX_3.4.30", "GLIBCXX_3.4", "CXXABI_1.3.13", "GLIBCXX_TUNABLES"],
                "GLIBCXX_3.4.32"
            )
        );

    [Fact]
    public void Mapped_LibraryBehindALink_IsFoundByItsPrefix()
    {
        string maps = _folder.Write(
            "maps",
            "7f00-7f01 r-xp 00000000 fe:00 123 /usr/lib/libstdc++.so.6.0.30\n7f01-7f02 r--p 00001000 fe:00 123 /usr/lib/libstdc++.so.6.0.30\n7f02-7f03 rw-p 00000000 00:00 0\n7f03-7f04 r-xp 00000000 fe:00 9 /opt/with space/libx.so\n"
        );

        IReadOnlyList<string> mapped = MappedLibraries.Read(maps);

        Assert.Equal(["/usr/lib/libstdc++.so.6.0.30", "/opt/with space/libx.so"], mapped);
        Assert.Equal("/usr/lib/libstdc++.so.6.0.30", MappedLibraries.Find(mapped, "libstdc++.so.6"));
        Assert.Null(MappedLibraries.Find(mapped, "libstdc++.so.5"));
    }
}
