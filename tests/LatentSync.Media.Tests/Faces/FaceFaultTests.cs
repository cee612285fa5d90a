using LatentSync.Media.Faces.Detection;
using LatentSync.Testing;

namespace LatentSync.Media.Tests.Faces;

public sealed class FaceFaultTests
{
    [Fact]
    public void ErrorCodesPage_EveryFault_IsListedWithItsCode()
    {
        string page = File.ReadAllText(RepositoryRoot.PathOf("docs", "error-codes-faces.md"));

        Assert.All(Enum.GetValues<FaceFault>(), fault => Assert.Contains($"| {new FaceException(fault, "x").Code} | {fault} |", page));
        Assert.Equal(Enum.GetValues<FaceFault>().Length, page.Split("| FAC").Length - 1);
    }
}
