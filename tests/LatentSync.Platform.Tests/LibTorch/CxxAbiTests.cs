using LatentSync.Platform.LibTorch;

namespace LatentSync.Platform.Tests.LibTorch;

public sealed class CxxAbiTests
{
    [Theory]
    [InlineData(true, "malloc", "_ZNSs6appendEPKc", "_ZNKSs4findEPKcmm")]
    [InlineData(false, "_ZNSs6appendEPKc", "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE9_M_createERmm")]
    [InlineData(false, "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE9_M_createERmm")]
    [InlineData(false, "malloc")]
    public void IsOld_ImportsOfALibrary_OnlyTheOldStringAlone(bool isOld, params string[] imports) =>
        Assert.Equal(isOld, CxxAbi.IsOld(imports));
}
