using LatentSync.Platform.Loading;
using LatentSync.Testing;

namespace LatentSync.Platform.Tests;

public sealed class NativeLoadCauseTests
{
    [Fact]
    public void ErrorCodesPage_EveryCause_IsListedWithItsCode()
    {
        string page = File.ReadAllText(RepositoryRoot.PathOf("docs", "error-codes-platform.md"));

        Assert.All(
            Enum.GetValues<NativeLoadCause>(),
            cause => Assert.Contains($"| {new NativeLoadFailure(cause, "f", "x", "y", "z").Code} | {cause} |", page)
        );
        Assert.Equal(Enum.GetValues<NativeLoadCause>().Length, page.Split("| NAT").Length - 1);
    }
}
