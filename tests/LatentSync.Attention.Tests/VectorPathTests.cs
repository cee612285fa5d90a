using LatentSync.Attention.Machines;

namespace LatentSync.Attention.Tests;

public sealed class VectorPathTests
{
    [Theory]
    [InlineData("sse4.2 avx avx2 fma avx512f avx512bw avx512cd avx512dq avx512vl avx512vbmi", "AVX-512", 512)]
    [InlineData("sse4.2 avx avx2 fma avx512f avx512bw avx512cd avx512dq avx512vl avx512vnni", "AVX2+FMA", 256)] // Cascade Lake
    [InlineData("avx2 avx512f", "AVX-512", 512)] // described in two words
    [InlineData("sse4.2 avx avx2 fma", "AVX2+FMA", 256)]
    [InlineData("sse4.2 avx", "portable", 128)]
    [InlineData("advsimd dp rdm", "NEON", 128)]
    [InlineData("", "portable", 128)]
    public void Of_InstructionSets_IsTheWidestThatDotNetPrefers(string isa, string name, int bits) =>
        Assert.Equal(
            new VectorPath(name, bits),
            VectorPath.Of(new CpuInfo("a processor", 4, isa.Split(' ', StringSplitOptions.RemoveEmptyEntries), "x64"))
        );
}
