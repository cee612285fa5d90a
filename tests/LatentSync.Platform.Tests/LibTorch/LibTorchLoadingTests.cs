using LatentSync.Platform.Tests.Children;

namespace LatentSync.Platform.Tests.LibTorch;

/// <summary>libtorch really loaded, in child processes: each process can load one only.</summary>
[Trait("Category", "Integration")]
public sealed class LibTorchLoadingTests
{
    private static string OwnLibTorch => Path.Combine(ChildProcess.OwnFolder, "libtorch");

    public LibTorchLoadingTests() =>
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Directory.Exists(OwnLibTorch),
            "This build has no libtorch folder (not Linux x64, or not the cpu flavour)."
        );

    [Fact]
    public void EnsureLoaded_OwnLibTorch_LoadsOneAndComputes()
    {
        ChildReport report = ChildProcess.Run(ChildProcess.OwnFolder, ["torch"]);

        Assert.Null(report.Failure);
        Assert.Equal(8, report.Sum);
        Assert.Equal([Path.Combine(OwnLibTorch, "libtorch_cpu.so")], report.LibTorches);
        Assert.Equal(("2.10.0", "cpu", false), (report.Load!.Version, report.Load.Flavor, report.Load.IsExternal));
        Assert.Empty(report.Load.Warnings);
    }

    [Fact]
    public void EnsureLoaded_ReadOnlyProgramFolderAndNoHome_LoadsFromTheTemporaryFolder()
    {
        Assert.SkipUnless(
            !ChildProcess.IsRoot || File.Exists("/usr/bin/setpriv"),
            "As root, and without setpriv to become another user, no folder is read-only."
        );
        using var program = new ProgramCopy();
        program.LinkLibTorch("libtorch");
        program.MakeReadOnly();
        string[] before = Listing(program.Folder);
        var variables = new Dictionary<string, string?>
        {
            ["HOME"] = "/nonexistent",
            ["XDG_CACHE_HOME"] = null,
            ["LATENTSYNC_CACHE"] = null,
            ["TMPDIR"] = null,
        };

        ChildReport report = ChildProcess.Run(program.Folder, ["torch"], variables, asNobody: ChildProcess.IsRoot);

        Assert.Null(report.Failure);
        Assert.Equal(8, report.Sum);
        Assert.Equal(before, Listing(program.Folder));
        Assert.SkipUnless(report.Load!.Repaired, "This system's libstdc++ is new enough: nothing had to be repaired.");
        Assert.Null(report.Load.CacheFile);
        Assert.False(File.Exists(report.Load.BridgePath), "The temporary copy must be gone.");
    }

    [Fact]
    public void EnsureLoaded_NothingWritableAtAll_LoadsFromMemory()
    {
        using var folder = new TestFolder();
        string blocked = folder.Write("file", "");
        var variables = new Dictionary<string, string?>
        {
            ["LATENTSYNC_CACHE"] = Path.Combine(blocked, "a"),
            ["TMPDIR"] = Path.Combine(blocked, "b"),
            ["DOTNET_EnableDiagnostics"] = "0",
        };

        ChildReport report = ChildProcess.Run(ChildProcess.OwnFolder, ["torch"], variables);

        Assert.Equal(8, report.Sum);
        Assert.SkipUnless(report.Load!.Repaired, "This system's libstdc++ is new enough: nothing had to be repaired.");
        Assert.StartsWith("/proc/self/fd/", report.Load.BridgePath, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")] // beside the program
    [InlineData("runtimes/linux-x64/native")] // a portable build
    public void EnsureLoaded_LayoutsOfNuGet_LoadOneLibTorch(string layout)
    {
        using var program = new ProgramCopy();
        string folder = program.LinkLibTorch(layout);
        if (layout.Length > 0)
        {
            File.Move(program.Bridge, Path.Combine(folder, "libLibTorchSharp.so"));
        }

        ChildReport report = ChildProcess.Run(program.Folder, ["torch"]);

        Assert.Null(report.Failure);
        Assert.Equal(8, report.Sum);
        Assert.Single(report.LibTorches);
        Assert.False(report.Load!.IsExternal);
    }

    [Fact]
    public void EnsureLoaded_ExternalFolder_IsUsedInPlaceOfTheOwn()
    {
        using var program = new ProgramCopy();
        program.LinkLibTorch("libtorch");
        using var external = new TestFolder();
        string folder = ExternalCopy(external, "2.11.0+cpu");

        ChildReport report = ChildProcess.Run(program.Folder, ["torch", folder, "/elsewhere"]);

        Assert.Null(report.Failure);
        Assert.Equal(8, report.Sum);
        Assert.Single(report.LibTorches);
        Assert.True(report.Load!.IsExternal);
        string warning = Assert.Single(report.Load.Warnings);
        Assert.Contains("2.11.0", warning, StringComparison.Ordinal);
        Assert.Contains("2.10.0", warning, StringComparison.Ordinal);
        Assert.Equal("NAT0109", report.SecondCall);
    }

    [Fact]
    public void EnsureLoaded_EnvironmentNamesPythonSitePackages_FindsTorchLib()
    {
        using var site = new TestFolder();
        Directory.CreateDirectory(site.At("torch"));
        Directory.CreateSymbolicLink(site.At("torch/lib"), OwnLibTorch);
        site.Write("torch/version.py", "__version__ = '2.10.0+cu128'\ndebug = False\n");

        ChildReport report = ChildProcess.Run(
            ChildProcess.OwnFolder,
            ["torch"],
            new Dictionary<string, string?> { ["LATENTSYNC_LIBTORCH"] = site.Path }
        );

        Assert.Equal(8, report.Sum);
        Assert.Equal(site.At("torch/lib"), report.Load!.Folder);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void EnsureLoaded_CudaLibrariesOfAPythonInstall_AreFoundInNvidiaFoldersOrNamed(bool isInstalled)
    {
        CCompiler.SkipUnlessThere();
        using var site = new TestFolder();
        Directory.CreateDirectory(site.At("torch/lib"));
        foreach (string file in Directory.EnumerateFiles(OwnLibTorch, "*.so*"))
        {
            File.CreateSymbolicLink(site.At("torch/lib/" + Path.GetFileName(file)), file);
        }
        Directory.CreateDirectory(site.At("nvidia/cudnn/lib"));
        string cudnn = CCompiler.Library(
            site,
            "nvidia/cudnn/lib/libcudnn.so.9",
            "int played_cudnn(void){return 9;}",
            "-Wl,-soname,libcudnn.so.9"
        );
        CCompiler.Library(site, "torch/lib/libtorch_cuda.so", "int played_cudnn(void); int use(void){return played_cudnn();}", cudnn);
        Directory.CreateDirectory(site.At("nvidia/cu13/lib"));
        string nvrtc = CCompiler.Library(
            site,
            "nvidia/cu13/lib/libnvrtc.so.13",
            "int played_nvrtc(void){return 13;}",
            "-Wl,-soname,libnvrtc.so.13"
        );
        if (!isInstalled)
        {
            File.Delete(cudnn);
        }

        ChildReport report = ChildProcess.Run(ChildProcess.OwnFolder, ["torch", site.At("torch/lib")]);

        if (isInstalled)
        {
            Assert.Equal(8, report.Sum);
            Assert.Equal("cuda", report.Load!.Flavor);
            string[] loaded = report.Load.Trace.Where(step => step.Action == "load").Select(step => step.Target).ToArray();
            Assert.True(
                Array.IndexOf(loaded, cudnn) < Array.IndexOf(loaded, site.At("torch/lib/libtorch_cuda.so")) && loaded.Contains(cudnn)
            );
            Assert.Contains(nvrtc, loaded); // nothing needs it by DT_NEEDED: cuDNN opens it by name at run time
        }
        else
        {
            Assert.Equal(("NAT0105", "libcudnn.so.9"), (report.Code, report.Failure!.Subject));
            Assert.Contains("nvidia-cudnn", report.Failure.Remedy, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void EnsureLoaded_LibTorchOfTheOldStringLayout_IsToldApart()
    {
        CCompiler.SkipUnlessThere();
        using var folder = new TestFolder();
        File.CreateSymbolicLink(folder.At("libtorch_cpu.so"), Path.Combine(OwnLibTorch, "libtorch_cpu.so"));
        foreach (string file in Directory.EnumerateFiles(OwnLibTorch, "libgomp*"))
        {
            File.CreateSymbolicLink(folder.At(Path.GetFileName(file)), file);
        }
        // std::string::append of the old layout, as libc10.so of PyTorch 2.6 asks for it
        CCompiler.Library(
            folder,
            "libc10.so",
            "void _ZNSs6appendEPKc(void*, const char*); void use(void){_ZNSs6appendEPKc(0, 0);}",
            "-Wl,-soname,libc10.so"
        );

        ChildReport report = ChildProcess.Run(ChildProcess.OwnFolder, ["torch", folder.Path]);

        Assert.Equal("NAT0111", report.Code);
        Assert.Contains("2.7", report.Failure!.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void EnsureLoaded_LibTorchWithoutASymbolTheBridgeNeedsAtOnce_NamesBothVersions()
    {
        CCompiler.SkipUnlessThere();
        using var program = new ProgramCopy();
        program.LinkLibTorch("libtorch");
        using var external = new TestFolder();
        string folder = ExternalCopy(external, "2.11.0+cpu");
        // A bridge that takes data from libtorch which this one does not have: the loader refuses that at once.
        File.Delete(program.Bridge);
        CCompiler.Library(
            external,
            "libLibTorchSharp.so",
            "extern int gone_in_2_11; int *use(void){return &gone_in_2_11;}",
            "-Wl,-soname,libLibTorchSharp.so",
            Path.Combine(folder, "libc10.so")
        );
        File.Move(external.At("libLibTorchSharp.so"), program.Bridge);

        ChildReport report = ChildProcess.Run(program.Folder, ["torch", folder]);

        Assert.Equal(("NAT0106", "gone_in_2_11"), (report.Code, report.Failure!.Subject));
        Assert.Contains("2.11.0", report.Failure.Found, StringComparison.Ordinal);
        Assert.Contains("2.10.0", report.Failure.Required, StringComparison.Ordinal);
    }

    [Fact]
    public void EnsureLoaded_ExternalBesideACopyThatDotNetFinds_RefusesInsteadOfAborting()
    {
        using var program = new ProgramCopy();
        program.LinkLibTorch("");
        using var external = new TestFolder();
        File.WriteAllText(external.At("libtorch_cpu.so"), "never read: refused before");

        ChildReport report = ChildProcess.Run(program.Folder, ["torch", external.Path]);

        Assert.Equal("NAT0108", report.Code);
        Assert.Contains("LibTorchFlavor=external", report.Failure!.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void EnsureLoaded_FolderWithoutLibTorch_NamesTheMissingFile()
    {
        using var empty = new TestFolder();

        ChildReport report = ChildProcess.Run(ChildProcess.OwnFolder, ["torch", empty.Path]);

        Assert.Equal("NAT0101", report.Code);
        Assert.Equal(empty.At("libtorch_cpu.so"), report.Failure!.File);
        Assert.Contains("torch/lib", report.Failure.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void EnsureLoaded_LibTorchForAnotherProcessor_SaysWhich()
    {
        using var folder = new TestFolder();
        File.WriteAllBytes(folder.At("libtorch_cpu.so"), ElfHeaders.Of(machine: 183));

        ChildReport report = ChildProcess.Run(ChildProcess.OwnFolder, ["torch", folder.Path]);

        Assert.Equal("NAT0103", report.Code);
        Assert.Contains("arm64", report.Failure!.Found, StringComparison.Ordinal);
        Assert.Contains("x64", report.Failure.Required, StringComparison.Ordinal);
    }

    [Fact]
    public void EnsureLoaded_LibgompTakenAway_NamesItAndWhoNeedsIt()
    {
        using var program = new ProgramCopy();
        string folder = program.LinkLibTorch("libtorch");
        File.Delete(Directory.EnumerateFiles(folder, "libgomp*").Single());

        ChildReport report = ChildProcess.Run(program.Folder, ["torch"]);

        Assert.Equal("NAT0105", report.Code);
        Assert.StartsWith("libgomp", report.Failure!.Subject, StringComparison.Ordinal);
        Assert.EndsWith("libtorch_cpu.so", report.Failure.File, StringComparison.Ordinal);
    }

    [Fact]
    public void EnsureLoaded_TruncatedBridge_SaysDamaged()
    {
        using var program = new ProgramCopy();
        program.LinkLibTorch("libtorch");
        File.WriteAllBytes(program.Bridge, Bridge.Bytes()[..100_000]);

        ChildReport report = ChildProcess.Run(program.Folder, ["torch"]);

        Assert.Equal("NAT0102", report.Code);
        Assert.Contains("truncated", report.Failure!.Found, StringComparison.Ordinal);
    }

    /// <summary>Links named apart from the program's own, so that they are another libtorch by path, with a version of its own.</summary>
    private static string ExternalCopy(TestFolder folder, string version)
    {
        Directory.CreateDirectory(folder.At("lib"));
        foreach (string file in Directory.EnumerateFiles(OwnLibTorch, "*.so*"))
        {
            File.CreateSymbolicLink(Path.Combine(folder.At("lib"), Path.GetFileName(file)), file);
        }
        folder.Write("build-version", version + "\n");
        return folder.At("lib");
    }

    private static string[] Listing(string folder) =>
        Directory
            .EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories)
            .Select(path => $"{path} {File.GetLastWriteTimeUtc(path):O}")
            .Order()
            .ToArray();
}
