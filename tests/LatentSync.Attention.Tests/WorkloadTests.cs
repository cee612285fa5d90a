using LatentSync.Attention.Problems;
using LatentSync.Attention.Workloads;

namespace LatentSync.Attention.Tests;

public sealed class WorkloadTests
{
    public static TheoryData<string> Names => [.. WorkloadCatalog.All.Select(workload => workload.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Layers_EveryWorkload_AreValidProblemsWithNamesOfTheirOwn(string name)
    {
        Workload workload = WorkloadCatalog.Find(name);
        Assert.NotEmpty(workload.Layers);
        Assert.Equal(workload.Layers.Count, workload.Layers.Select(layer => layer.Name).Distinct(StringComparer.Ordinal).Count());
        Assert.All(
            workload.Layers,
            layer =>
            {
                layer.Problem.Validate();
                Assert.True(layer.Repeats >= 1);
                Assert.Equal((AttentionDType.Float32, AttentionDevice.Cpu), (layer.Problem.DType, layer.Problem.Device));
            }
        );
    }

    [Fact]
    public void LatentSync_512_HasTheProblemJustBeyondALaunch()
    {
        WorkloadLayer layer = WorkloadCatalog.Find("latentsync-512").Layers.Single(layer => layer.Name == "unet.temporal.64x64");
        Assert.Equal(65_536, layer.Problem.Batch * layer.Problem.HeadCount);
        Assert.Equal((16, 16, 40), (layer.Problem.QueryLength, layer.Problem.KeyLength, layer.Problem.HeadDim));
    }

    [Fact]
    public void Find_UpperCase_IsFound() => Assert.Equal("mla-192", WorkloadCatalog.Find(" MLA-192 ").Name);

    [Theory]
    [InlineData("latentsync-25", "latentsync-256")]
    [InlineData("latent-512", "latentsync-512")]
    [InlineData("vit-80", "vit-72-80")]
    [InlineData("", "gqa-128")]
    public void Find_UnknownName_NamesTheNearest(string name, string nearest)
    {
        FormatException exception = Assert.Throws<FormatException>(() => WorkloadCatalog.Find(name));
        Assert.Contains($"did you mean {nearest}?", exception.Message, StringComparison.Ordinal);
    }
}
