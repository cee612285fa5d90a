using LatentSync.Attention.Machines;

namespace LatentSync.Attention.Tests;

public sealed class CudaVersionTests
{
    [Theory]
    [InlineData("12.8", 12)]
    [InlineData("13", 13)]
    [InlineData("9.2.148", 9)]
    [InlineData("unknown", int.MaxValue)]
    [InlineData("", int.MaxValue)]
    [InlineData("-1.0", int.MaxValue)]
    public void Major_Version_IsItsFirstNumber(string version, int expected) => Assert.Equal(expected, CudaVersion.Major(version));
}
