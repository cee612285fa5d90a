using LatentSync.Platform.LibTorch;

namespace LatentSync.Platform.Tests.LibTorch;

public sealed class LibTorchVersionTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("libtorch/build-version", "2.10.0+cu128\n", "2.10.0", "cu128")]
    [InlineData("libtorch/lib/build-version", "2.10.0+cpu", "2.10.0", "cpu")]
    [InlineData("libtorch/version.py", "from typing import Optional\n__version__ = '2.11.0+cu130'\n", "2.11.0", "cu130")]
    [InlineData("libtorch/version.py", "__version__ = \"2.12.0a0+git1234567\"", "2.12.0", "git1234567")]
    [InlineData("libtorch/version.py", "__version__ = '2.10.0'", "2.10.0", "cpu")]
    [InlineData("libtorch/version.py", "__version__ = '2.11.0a0+eb65b36914.nv26.02'\ncuda: Optional[str] = '13.1'\n", "2.11.0", "cu131")]
    [InlineData("libtorch/version.py", "__version__ = '2.10.0'\ncuda = '12.8'\nhip = None\n", "2.10.0", "cu128")]
    [InlineData("libtorch/version.py", "__version__ = '2.10.0+cpu'\ncuda: Optional[str] = None\n", "2.10.0", "cpu")]
    [InlineData("torch-2.9.1+cu126.dist-info/METADATA", "", "2.9.1", "cu126")]
    [InlineData("libtorch/build-version", "rubbish", null, "cpu")]
    [InlineData("unrelated", "", null, "cpu")]
    public void Read_KnownPlaces_GivesVersionAndFlavour(string file, string text, string? version, string flavor)
    {
        _folder.Write("libtorch/lib/libtorch_cpu.so", "");
        _folder.Write(file, text);

        Assert.Equal((version, flavor), LibTorchVersion.Read(_folder.At("libtorch/lib")));
    }

    [Fact]
    public void Read_CudaLibraryThere_FlavourIsCuda()
    {
        _folder.Write("lib/libtorch_cpu.so", "");
        _folder.Write("lib/libtorch_cuda.so", "");

        Assert.Equal((null, "cuda"), LibTorchVersion.Read(_folder.At("lib")));
    }

    [Fact]
    public void Expected_IsWhatTorchSharpWasBuiltAgainst()
    {
        Assert.Equal("2.10.0", LibTorchVersion.Expected);
        Assert.Equal("0.107.0", LibTorchVersion.TorchSharp);
    }
}
