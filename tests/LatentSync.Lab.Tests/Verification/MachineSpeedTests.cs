using LatentSync.Attention.Problems;
using LatentSync.Lab.Verification;

namespace LatentSync.Lab.Tests.Verification;

/// <summary>What the figures of a machine are held against.</summary>
public sealed class MachineSpeedTests
{
    [Theory]
    [InlineData(AttentionDType.Float32)]
    [InlineData(AttentionDType.BFloat16)]
    [InlineData(AttentionDType.Float64)]
    public void FmaPeak_AnyType_CountsWorkOfEveryThread(AttentionDType dtype)
    {
        int before = TorchSharp.torch.get_num_threads();
        try
        {
            TorchSharp.torch.set_num_threads(1);
            Assert.Equal(1, FmaPeak.Of(dtype).Run());
        }
        finally
        {
            TorchSharp.torch.set_num_threads(before);
        }
        FmaPeak peak = FmaPeak.Of(dtype);
        Assert.Equal(Math.Min(before, Environment.ProcessorCount), peak.Run());
        Assert.True(peak.FlopCount > 0 && peak.Seconds > 0 && double.IsFinite(peak.FlopCount / peak.Time()));
    }

    [Fact]
    public void FmaPeak_OneSlowTurn_DoesNotCount()
    {
        FmaTurn turn = FmaPeak.Of(AttentionDType.Float32).Turn(0);
        (double median, double best) = turn.Gflops([1000]);
        Assert.True(best >= median && median > turn.FlopCount / 1000 / 1e9);
        Assert.Equal((turn.FlopCount / 4e9, turn.FlopCount / 1e9), turn.Gflops([9, 9, 9, 4, 1, 1, 1]));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(2 * 4097)]
    [InlineData(8 << 20)]
    public void CopyBandwidth_AnySize_CopiesAll(long bytes)
    {
        using var copy = new CopyBandwidth(bytes);
        Assert.Equal((bytes, (2, 2)), (copy.TouchedBytes, copy.Ends()));
        copy.Copy();
        Assert.Equal((1, 1), copy.Ends());
        Assert.True(CopyBandwidth.Measure(bytes) > 0);
    }

    [Fact]
    public void CopyBandwidth_Disposed_Refuses()
    {
        var copy = new CopyBandwidth(100);
        copy.Dispose();
        copy.Dispose();
        Assert.Throws<ObjectDisposedException>(copy.Copy);
        Assert.Throws<ArgumentOutOfRangeException>(() => new CopyBandwidth(1));
    }
}
