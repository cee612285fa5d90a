using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Loading;

namespace LatentSync.Platform.Tests.LibTorch;

public sealed class LibTorchLocatorTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private LibTorchLocator Locator => new(_folder.Path, "linux-x64", LibTorchNames.Linux);

    [Theory]
    [InlineData("libLibTorchSharp.so", "libtorch/libtorch_cpu.so", "libtorch")]
    [InlineData("libLibTorchSharp.so", "libtorch_cpu.so", "")]
    [InlineData("runtimes/linux-x64/native/libLibTorchSharp.so", "runtimes/linux-x64/native/libtorch_cpu.so", "runtimes/linux-x64/native")]
    public void Locate_EachLayout_FindsBoth(string bridge, string cpu, string expected)
    {
        _folder.Write(bridge, "");
        _folder.Write(cpu, "");

        LibTorchLocation location = Locator.Locate(null, []);

        Assert.Equal(_folder.At(bridge), location.BridgePath);
        Assert.Equal(Path.TrimEndingDirectorySeparator(_folder.At(expected)), Path.TrimEndingDirectorySeparator(location.Folder));
        Assert.False(location.IsExternal);
    }

    [Fact]
    public void Locate_CopyThatDotNetFindsAndOurs_TakesTheOneThatDotNetFinds()
    {
        _folder.Write("libLibTorchSharp.so", "");
        _folder.Write("libtorch_cpu.so", "");
        _folder.Write("libtorch/libtorch_cpu.so", "");

        Assert.Equal(_folder.Path, Locator.Locate(null, []).Folder);
    }

    [Theory]
    [InlineData("torch/lib/libtorch_cpu.so", "")]
    [InlineData("torch/lib/libtorch_cpu.so", "torch")]
    [InlineData("torch/lib/libtorch_cpu.so", "torch/lib")]
    public void Locate_ExternalGivenLoosely_FindsTheFolder(string cpu, string given)
    {
        _folder.Write("libLibTorchSharp.so", "");
        using var external = new TestFolder();
        external.Write(cpu, "");

        LibTorchLocation location = Locator.Locate(external.At(given), []);

        Assert.Equal(external.At("torch/lib"), location.Folder);
        Assert.True(location.IsExternal);
    }

    [Fact]
    public void Locate_NoBridge_NamesTheFileAndTheFolders()
    {
        var trace = new List<LoadStep>();

        NativeLoadFailure failure = Assert.Throws<NativeLoadException>(() => Locator.Locate(null, trace)).Failure;

        Assert.Equal((NativeLoadCause.FileMissing, "libLibTorchSharp.so"), (failure.Cause, failure.File));
        Assert.Contains(_folder.Path, failure.Found, StringComparison.Ordinal);
        Assert.False(Assert.Single(trace).Succeeded);
    }

    [Fact]
    public void Locate_NoLibTorch_NamesThePackage()
    {
        _folder.Write("libLibTorchSharp.so", "");

        NativeLoadFailure failure = Assert.Throws<NativeLoadException>(() => Locator.Locate(null, [])).Failure;

        Assert.Equal((NativeLoadCause.FileMissing, "libtorch_cpu.so"), (failure.Cause, failure.File));
        Assert.Contains("libtorch-cpu-linux-x64 2.10.0", failure.Remedy, StringComparison.Ordinal);
    }
}
