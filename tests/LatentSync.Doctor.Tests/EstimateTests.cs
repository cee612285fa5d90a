using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Doctor.Estimates;
using LatentSync.Foundation.Wording;

namespace LatentSync.Doctor.Tests;

[Collection(LanguageCollection.Name)]
public sealed class EstimateTests
{
    [Fact]
    public void GpuSpeeds_EveryGpuOfTheCatalogue_HasAPeak() =>
        Assert.All(
            GpuCatalog.All,
            model =>
            {
                GpuPeak peak = Assert.NotNull(GpuSpeeds.PeakOf(Gpu(model.Name)));
                Assert.InRange(peak.HalfTera / peak.SingleTera, 1, 40);
                Assert.InRange(peak.Gigabytes, 20, 10_000);
            }
        );

    [Fact]
    public void GpuSpeeds_MigSlice_HasItsShare()
    {
        GpuPeak whole = GpuSpeeds.PeakOf(Gpu("H200"))!.Value,
            slice = GpuSpeeds.PeakOf(Gpu("H200") with { MigProfile = "3g.71gb" })!.Value;

        Assert.Equal(3.0 / 7 * whole.HalfTera, slice.HalfTera, 1e-9);
    }

    [Fact]
    public void GpuSpeeds_UnknownName_HasNoEstimate() => Assert.Null(GpuSpeeds.Of(Gpu("RTX 9999"), AttentionDType.Float16));

    [Theory] // the order that everybody knows
    [InlineData("Tesla T4", "RTX 3090")]
    [InlineData("RTX 3060", "RTX 3090")]
    [InlineData("RTX 3090", "RTX 4090")]
    [InlineData("RTX 4090", "H100")]
    public void Estimate_FasterGpu_TakesLess(string slow, string fast) => Assert.True(Seconds(fast) < Seconds(slow));

    [Fact]
    public void Estimate_HalfOnATuringGpu_IsSeveralTimesFaster()
    {
        double single = Seconds("Tesla T4", AttentionDType.Float32),
            half = Seconds("Tesla T4");

        Assert.InRange(single / half, 2, 8);
    }

    [Theory] // records of docs/benchmarks: 2 cores each
    [InlineData(3140, "avx2", "fma")]
    [InlineData(1507, "avx2", "avx512f")]
    [InlineData(1538, "avx2", "avx512f")]
    public void Estimate_CalculatedForAProcessor_IsWithinItsFactorOfTheRecord(double recorded, params string[] isa)
    {
        SyncEstimate estimate = SyncEstimate.Of(CpuSpeeds.Of(new CpuInfo("a processor", 2, isa, "x64")));

        Assert.False(estimate.IsMeasured);
        Assert.InRange(estimate.SecondsPerSecondOfVideo, recorded / estimate.UncertaintyFactor, recorded * estimate.UncertaintyFactor);
    }

    [Fact]
    public void Estimate_Uncertainty_GrowsWithWhatIsNotKnown()
    {
        MachineSpeed measured = new(1e12, 1e12),
            calculated = measured with { IsMeasured = false };

        Assert.Equal(1.5, SyncEstimate.Of(measured).UncertaintyFactor);
        Assert.Equal(2, SyncEstimate.Of(calculated).UncertaintyFactor);
        Assert.Equal(2, SyncEstimate.Of(measured, AttentionDevice.Cuda()).UncertaintyFactor);
        Assert.Equal(3, SyncEstimate.Of(calculated, AttentionDevice.Cuda()).UncertaintyFactor);
    }

    [Theory]
    [InlineData(14.2, "about 14 s")]
    [InlineData(97, "about 1 min 40 s")]
    [InlineData(250, "about 4 min")]
    [InlineData(2000, "about 35 min")]
    [InlineData(5000, "about 1 h 30 min")]
    [InlineData(18_190, "about 5 h")]
    [InlineData(53_000, "about 15 h")]
    [InlineData(130_000, "about 1 d 12 h")]
    public void About_AnEstimate_HasNoMoreDigitsThanItKnows(double seconds, string expected)
    {
        using LanguageScope language = new(Language.English);

        Assert.Equal(expected, AboutText.Of(seconds));
    }

    [Fact]
    public void Measure_ThisProcessor_GivesRatesAndRestoresTheThreads()
    {
        Attention.Torch.Devices.TorchRuntime.EnsureLoaded(null);
        int threads = TorchSharp.torch.get_num_threads();

        MachineSpeed speed = SpeedProbe.Measure(AttentionDevice.Cpu, AttentionDType.Float32);

        Assert.True(speed is { ConvolutionRate: > 1e8, ProductRate: > 1e8, IsMeasured: true }, speed.ToString());
        Assert.Equal(threads, TorchSharp.torch.get_num_threads());
    }

    private static double Seconds(string gpu, AttentionDType dtype = AttentionDType.Float16) =>
        SyncEstimate.Of(GpuSpeeds.Of(Gpu(gpu), dtype)!, AttentionDevice.Cuda(), dtype).SecondsPerSecondOfVideo;

    private static GpuInfo Gpu(string name) => new(name, null, 0, null, null);
}
