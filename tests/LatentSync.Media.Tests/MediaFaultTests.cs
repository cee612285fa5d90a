using LatentSync.Foundation.Faults;
using LatentSync.Testing;

namespace LatentSync.Media.Tests;

public sealed class MediaFaultTests
{
    [Fact]
    public void ErrorCodesPage_EveryFault_IsListedWithItsCode()
    {
        string page = File.ReadAllText(Path.Combine(RepositoryRoot.Find(), "docs", "error-codes-media.md"));

        foreach (MediaFault fault in Enum.GetValues<MediaFault>())
        {
            Assert.Contains($"| {new MediaException(fault, "x").Code} | {fault} |", page);
        }

        Assert.Equal(Enum.GetValues<MediaFault>().Length, page.Split("| MED").Length - 1);
    }

    [Theory]
    [InlineData(MediaFault.Missing, true)]
    [InlineData(MediaFault.TooShort, true)]
    [InlineData(MediaFault.OutputIsInput, true)]
    [InlineData(MediaFault.OutputLost, false)]
    [InlineData(MediaFault.DiskFull, false)]
    [InlineData(MediaFault.ToolMissing, false)]
    [InlineData(MediaFault.ToolFailed, false)]
    public void Kind_Fault_TellsWhoseItIs(MediaFault fault, bool expected) =>
        Assert.Equal(expected, new MediaException(fault, "x").Kind == FaultKind.Input);
}
