using LatentSync.Platform.Machines;

namespace LatentSync.Platform.Tests.Machines;

/// <summary>The search for libcudart and cuDNN in played installations.</summary>
public sealed class CudaLibraryProbeTests : IDisposable
{
    private readonly TestFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Read_NothingInstalled_IsNull() => Assert.Equal(new CudaLibraryFacts(null, null, null, null), Read(null));

    [Fact]
    public void Read_ToolkitInUsrLocal_VersionIsInTheLinksTarget()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Links of libraries are a custom of Linux.");
        _root.Write("usr/local/cuda-12.8/lib64/libcudart.so.12.8.90", "");
        File.CreateSymbolicLink(
            _root.At("usr/local/cuda-12.8/lib64/libcudart.so.12"),
            _root.At("usr/local/cuda-12.8/lib64/libcudart.so.12.8.90")
        );
        _root.Write("usr/lib64/libcudnn.so.8.9.7", "");

        CudaLibraryFacts facts = Read(null);

        Assert.Equal("12.8.90", facts.RuntimeVersion);
        Assert.Equal(("8.9.7", _root.At("usr/lib64/libcudnn.so.8.9.7")), (facts.CuDnnVersion, facts.CuDnnPath));
    }

    [Fact]
    public void Read_PythonInstall_VersionIsThatOfThePackages()
    {
        _root.Write("site/torch/lib/libtorch_cpu.so", "");
        _root.Write("site/nvidia/cudnn/lib/libcudnn.so.9", "");
        _root.Write("site/nvidia/cuda_runtime/lib/libcudart.so.12", "");
        Directory.CreateDirectory(_root.At("site/nvidia_cudnn_cu12-9.10.2.21.dist-info"));
        Directory.CreateDirectory(_root.At("site/nvidia_cuda_runtime_cu12-12.8.90.dist-info"));

        CudaLibraryFacts facts = Read(_root.At("site/torch/lib"));

        Assert.Equal(("12.8.90", "9.10.2"), (facts.RuntimeVersion, facts.CuDnnVersion));
    }

    [Fact]
    public void Read_HeaderBesideTheLibrary_Tells()
    {
        _root.Write("usr/local/cuda/lib64/libcudnn.so", "");
        _root.Write(
            "usr/local/cuda/include/cudnn_version.h",
            "#define CUDNN_MAJOR 9\n#define CUDNN_MINOR 15\n#define CUDNN_PATCHLEVEL 1\n"
        );

        Assert.Equal("9.15.1", Read(null).CuDnnVersion);
    }

    [Fact]
    public void Read_OnlyTheLibraryItselfKnows_IsAsked()
    {
        CCompiler.SkipUnlessThere();
        string torch = _root.At("torch");
        Directory.CreateDirectory(torch);
        CCompiler.Library(_root, "torch/libcudnn.so.9", "#include <stddef.h>\nsize_t cudnnGetVersion(void) { return 91002; }");
        CCompiler.Library(_root, "torch/libcudart-d0da41ae.so.11.0", "int cudaRuntimeGetVersion(int *v) { *v = 11080; return 0; }");

        CudaLibraryFacts facts = Read(torch);

        Assert.Equal(("11.8", "9.10.2"), (facts.RuntimeVersion, facts.CuDnnVersion));
    }

    [Fact]
    public void Read_LibraryThatDoesNotLoad_IsFoundButOfUnknownVersion()
    {
        string library = _root.Write("torch/libcudnn.so.9", "no library");

        CudaLibraryFacts facts = Read(_root.At("torch"));

        Assert.Equal((library, null), (facts.CuDnnPath, facts.CuDnnVersion));
    }

    [Fact]
    public void Read_LibraryPath_ComesBeforeTheSystem()
    {
        _root.Write("usr/lib64/libcudnn.so.8.9.7", "");
        _root.Write("mine/libcudnn.so.9.1.0", "");

        CudaLibraryFacts facts = CudaLibraryProbe.Read(_root.Path, null, [_root.At("mine")], []);

        Assert.Equal("9.1.0", facts.CuDnnVersion);
    }

    [Theory]
    [InlineData(91002, "9.10.2")]
    [InlineData(90100, "9.1.0")]
    [InlineData(8907, "8.9.7")]
    public void CuDnnText_OldAndNewScale(long version, string expected) => Assert.Equal(expected, CudaLibraryProbe.CuDnnText(version));

    private CudaLibraryFacts Read(string? torchFolder) => CudaLibraryProbe.Read(_root.Path, torchFolder, [], []);
}
