using LatentSync.Attention.Machines;
using LatentSync.Platform.Machines;

namespace LatentSync.Platform.Tests.Machines;

/// <summary>AMD's GPUs from copies of the kernel's files.</summary>
public sealed class RocmProbeTests : IDisposable
{
    private const string Absent = "libno_such_driver_anywhere.so";
    private readonly TestFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Read_ComputeDriverLists_GpusAreNamedWithArchitectureAndMemory()
    {
        Node(0, 0, 0); // the processor
        Node(1, 110000, 25_753_026_560);
        Node(2, 90010, 68_702_699_520);

        GpuFacts facts = GpuProbe.Read(_root.Path, Absent, Absent);

        Assert.Equal(["AMD GPU (gfx1100)", "AMD GPU (gfx90a)"], facts.Gpus.Select(gpu => gpu.Name));
        Assert.Equal([25_753_026_560, 68_702_699_520], facts.Gpus.Select(gpu => gpu.MemoryBytes));
        Assert.All(facts.Gpus, gpu => Assert.Equal(("amd", null), (gpu.Maker, gpu.ComputeCapability)));
    }

    [Fact]
    public void Read_AcceleratorOnTheBus_GetsTheArchitectureOfItsNode()
    {
        _root.Write("sys/bus/pci/devices/0000:03:00.0/class", "0x120000\n");
        _root.Write("sys/bus/pci/devices/0000:03:00.0/vendor", "0x1002\n");
        _root.Write("sys/bus/pci/devices/0000:03:00.0/device", "0x74a1\n");
        Node(1, 90402, 205_822_885_888);

        GpuInfo gpu = Assert.Single(GpuProbe.Read(_root.Path, Absent, Absent).Gpus);

        Assert.Equal("AMD GPU (PCI device 0x74a1), gfx942", gpu.Name);
        Assert.Equal(205_822_885_888, gpu.MemoryBytes);
    }

    [Fact]
    public void Version_OfAnInstallation_IsWithoutItsBuild()
    {
        _root.Write("opt/rocm/.info/version", "6.2.1-112\n");

        Assert.Equal("6.2.1", GpuProbe.Read(_root.Path, Absent, Absent).Rocm);
    }

    [Fact]
    public void Version_NoInstallation_IsNull() => Assert.Null(RocmProbe.Version(_root.Path));

    private void Node(int index, long target, long bytes)
    {
        string folder = $"sys/class/kfd/kfd/topology/nodes/{index}/";
        _root.Write(folder + "properties", $"cpu_cores_count 0\nsimd_count 192\ngfx_target_version {target}\n");
        _root.Write(folder + "mem_banks/0/properties", $"heap_type 1\nsize_in_bytes {bytes}\n");
    }
}
