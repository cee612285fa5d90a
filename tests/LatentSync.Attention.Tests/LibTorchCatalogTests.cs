using LatentSync.Attention.Machines;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Tests;

public sealed class LibTorchCatalogTests
{
    [Fact]
    public void Builds_EveryLine_IsWellFormedAndSaysItsSource() =>
        Assert.All(
            LibTorchCatalog.Builds,
            build =>
            {
                Assert.Matches("^cu1[1-3][0-9]$", build.Flavor);
                Assert.NotNull(Versions.Parse(build.CuDnn));
                Assert.NotEmpty(build.Source);
                Assert.All(
                    build.Architectures,
                    architecture =>
                        Assert.True(GpuArchitectures.TryParse(architecture.Replace("+PTX", "", StringComparison.Ordinal), out _))
                );
                Assert.Same(build, LibTorchCatalog.Find(build.Version + ".1", build.Flavor));
            }
        );

    [Theory]
    [InlineData("2.10.0", "12.8", "cu128", "9.10.2.21", 525)]
    [InlineData("2.10.0", "13.0", "cu130", "9.15.1.9", 580)]
    [InlineData("2.5.1", "12.1", "cu121", "9.1.0.70", 525)]
    [InlineData("2.5.1", "11.8", "cu118", "9.1.0.70", 450)]
    [InlineData("2.0.1", "11.7", "cu117", "8.5.0.96", 450)]
    public void Describe_ExactBuild_HasItsFacts(string version, string cuda, string flavor, string cuDnn, int driver)
    {
        LibTorchAnswer answer = LibTorchCatalog.Describe(version, cuda, OsFamily.Linux);
        Assert.Equal((flavor, cuDnn, driver), (answer.LibTorch.Flavor, answer.Build!.CuDnn, answer.Build.MinimumDriver));
        Assert.Equal(cuda, answer.Build.Cuda);
        Assert.Empty(answer.Notes);
        Assert.True(answer.LibTorch.HasFlashAttention);
    }

    /// <summary>The machine that the project began with: CUDA 11.7, for which libtorch was last built with 2.0.</summary>
    [Fact]
    public void Describe_ToolkitOlderThanAnyBuild_TakesOneThatItsDriverRuns()
    {
        LibTorchAnswer answer = LibTorchCatalog.Describe("2.5.1", "11.7", OsFamily.Linux);
        Assert.Equal("cu118", answer.LibTorch.Flavor);
        Assert.Equal(
            [
                "libtorch 2.5.1 was not built for CUDA 11.7 but for cu118, cu121, cu124; cu118 is taken",
                "that is no obstacle: libtorch brings its own CUDA 11.8; only the driver counts, 450 or newer",
                "the last libtorch built for CUDA 11.7 is 2.0",
            ],
            answer.Notes.Select(note => note.In(Language.English))
        );
        Assert.All(answer.Notes, note => WordingTests.AssertChinese("note", note.In(Language.Chinese)));
    }

    [Fact]
    public void Describe_DriverOlderThanEveryBuild_SaysWhichDriverIsNeeded()
    {
        LibTorchAnswer answer = LibTorchCatalog.Describe("2.10.0", "11.7", OsFamily.Linux);
        Assert.Equal("cu126", answer.LibTorch.Flavor);
        Assert.Contains(answer.Notes, note => note.In(Language.English).Contains("too old for it: 525 or newer", StringComparison.Ordinal));
    }

    [Fact]
    public void Describe_UnknownVersion_KnowsNothingAndSaysSo()
    {
        LibTorchAnswer answer = LibTorchCatalog.Describe("3.4.0", "14.1", OsFamily.Linux);
        Assert.Null(answer.Build);
        Assert.Empty(answer.LibTorch.Architectures);
        Assert.Equal("cu141", answer.LibTorch.Flavor);
        Assert.Single(answer.Notes);
    }

    [Theory]
    [InlineData("2.1.2", true)]
    [InlineData("2.2.0", false)]
    [InlineData("2.7.1", false)]
    [InlineData("2.10.0", null)]
    public void Describe_Windows_KnowsWhichLackFlashAttention(string version, bool? has) =>
        Assert.Equal(has, LibTorchCatalog.Describe(version, null, OsFamily.Windows).LibTorch.HasFlashAttention);

    [Theory]
    [InlineData("2.10.0", 2, 10, 0, -1)]
    [InlineData("2.5.1+cu118", 2, 5, 1, -1)]
    [InlineData("2.9.0a0+git1", 2, 9, 0, -1)]
    [InlineData("9.10.2.21", 9, 10, 2, 21)]
    [InlineData("12.4", 12, 4, 0, -1)]
    public void Versions_Text_IsRead(string text, int major, int minor, int build, int revision) =>
        Assert.Equal(revision < 0 ? new Version(major, minor, build) : new Version(major, minor, build, revision), Versions.Parse(text));

    [Theory]
    [InlineData(null)]
    [InlineData("unknown")]
    [InlineData("2")]
    public void Versions_NoVersion_IsNull(string? text) => Assert.Null(Versions.Parse(text));
}
