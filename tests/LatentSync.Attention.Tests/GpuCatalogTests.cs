using LatentSync.Attention.Machines;

namespace LatentSync.Attention.Tests;

public sealed class GpuCatalogTests
{
    [Theory]
    [InlineData("Tesla T4", "7.5", 16)]
    [InlineData("T4", "7.5", 16)]
    [InlineData("nvidia t4", "7.5", 16)]
    [InlineData("RTX 4090", "8.9", 24)]
    [InlineData("rtx4090", "8.9", 24)]
    [InlineData("4090", "8.9", 24)]
    [InlineData("NVIDIA GeForce RTX 4090", "8.9", 24)]
    [InlineData("NVIDIA GeForce RTX 4090 Laptop GPU", "8.9", 16)]
    [InlineData("GeForce GTX 1660 Ti", "7.5", 6)]
    [InlineData("gtx1660ti", "7.5", 6)]
    [InlineData("GTX 1660", "7.5", 6)]
    [InlineData("GTX 1060", "6.1", 6)]
    [InlineData("Tesla P100", "6.0", 16)]
    [InlineData("V100", "7.0", 16)]
    [InlineData("Tesla V100-SXM2-32GB", "7.0", 32)]
    [InlineData("V100 32GB", "7.0", 32)]
    [InlineData("A10", "8.6", 24)]
    [InlineData("A100", "8.0", 40)]
    [InlineData("NVIDIA A100 80GB PCIe", "8.0", 80)]
    [InlineData("RTX 3080 12GB", "8.6", 12)]
    [InlineData("RTX A6000", "8.6", 48)]
    [InlineData("A6000", "8.6", 48)]
    [InlineData("Quadro RTX 6000", "7.5", 24)]
    [InlineData("NVIDIA RTX 6000 Ada Generation", "8.9", 48)]
    [InlineData("L40S", "8.9", 48)]
    [InlineData("H100", "9.0", 80)]
    [InlineData("NVIDIA H200", "9.0", 141)]
    [InlineData("B200", "10.0", 180)]
    [InlineData("B300", "10.3", 270)]
    [InlineData("RTX 5090", "12.0", 32)]
    [InlineData("RTX PRO 6000 Blackwell", "12.0", 96)]
    [InlineData("GB10", "12.1", 128)]
    [InlineData("Jetson AGX Orin", "8.7", 64)]
    [InlineData("GTX 980 Ti", "5.2", 6)]
    public void Find_NameAsPeopleWriteIt_HasItsCapabilityAndMemory(string name, string capability, int gibibytes)
    {
        GpuModel model = GpuCatalog.Find(name);
        Assert.Equal((capability, (long)gibibytes << 30), (model.ComputeCapability, model.MemoryBytes));
    }

    [Fact]
    public void All_EveryModel_IsFoundByItsOwnNameAndTheDrivers() =>
        Assert.All(
            GpuCatalog.All,
            model =>
            {
                Assert.Same(model, GpuCatalog.Find(model.Name));
                Assert.Same(model, GpuCatalog.Find("NVIDIA " + model.Name.ToUpperInvariant()));
            }
        );

    [Fact]
    public void All_Catalogue_ReachesFromMaxwellToBlackwellInEverySegment()
    {
        Assert.InRange(GpuCatalog.All.Count, 100, 1000);
        Assert.Equal(
            ["Ada Lovelace", "Ampere", "Blackwell", "Hopper", "Maxwell", "Pascal", "Turing", "Volta"],
            GpuCatalog.All.Select(model => model.Family).Distinct().Order()
        );
        Assert.Equal(4, GpuCatalog.All.Select(model => model.Segment).Distinct().Count());
        Assert.Equal(GpuCatalog.All.Count, GpuCatalog.All.DistinctBy(model => model.Name).Count());
        string[] families = ["Maxwell 5", "Pascal 6", "Volta 7", "Turing 7.5", "Ampere 8", "Ada Lovelace 8.9", "Hopper 9.0", "Blackwell 1"];
        Assert.All(
            GpuCatalog.All,
            model =>
                Assert.Contains(
                    families,
                    family => $"{model.Family} {model.ComputeCapability}".StartsWith(family, StringComparison.Ordinal)
                )
        );
    }

    [Theory]
    [InlineData("RTX 9999", "RTX")]
    [InlineData("GTX 1690", "GTX 16")]
    [InlineData("Quadro P5500", "Quadro P5")]
    [InlineData("Jetson Thunder", "Jetson")]
    public void Nearest_UnknownNumber_StaysInTheSeries(string name, string series) =>
        Assert.All(
            GpuCatalog.Nearest(name, series.Length > 8 ? 1 : 2),
            model => Assert.Contains(series, model.Name, StringComparison.Ordinal)
        );

    [Theory]
    [InlineData("Radeon RX 7900 XTX")]
    [InlineData("rx6800")]
    [InlineData("AMD Instinct MI300X")]
    [InlineData("MI250")]
    [InlineData("Apple M2 Max")]
    [InlineData("M3 Ultra")]
    [InlineData("m1")]
    [InlineData("Intel Arc A770")]
    public void Find_GpuOfAnotherMaker_SaysThatNvidiaIsNeeded(string name)
    {
        string message = Assert.Throws<FormatException>(() => GpuCatalog.Find(name)).Message;
        Assert.Contains("is not an NVIDIA GPU", message, StringComparison.Ordinal);
        Assert.Contains("The CUDA kernels only run on NVIDIA GPUs", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("RTX 4095", "GeForce RTX 4090")]
    [InlineData("GTX 4090", "GeForce RTX 4090")]
    [InlineData("H10O", "H100 80GB HBM3")]
    public void Find_UnknownName_NamesTheNearest(string name, string nearest)
    {
        string message = Assert.Throws<FormatException>(() => GpuCatalog.Find(name)).Message;
        Assert.Contains($"\"{name}\"", message, StringComparison.Ordinal);
        Assert.Contains(nearest, string.Join(", ", GpuCatalog.Nearest(name, 8).Select(model => model.Name)), StringComparison.Ordinal);
        Assert.Contains("MachineFile", message, StringComparison.Ordinal);
    }
}
