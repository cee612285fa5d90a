using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Devices;

namespace LatentSync.Attention.Torch.Tests;

public sealed class FreeMemoryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("free memory ").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void OfLinux_ContainerWithFileCache_IsWhatItsLimitLeaves()
    {
        Assert.Null(FreeMemory.OfLinux(_root));
        Write("proc/meminfo", "MemTotal: 16 kB\nMemAvailable:   8 kB\n");
        Assert.Equal(8192, FreeMemory.OfLinux(_root));
        Write("proc/self/cgroup", "0::/app\n");
        Write("proc/self/mountinfo", "30 23 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        Write("sys/fs/cgroup/app/memory.max", "5000\n");
        Write("sys/fs/cgroup/app/memory.current", "4900\n");
        Write("sys/fs/cgroup/app/memory.stat", "anon 900\ninactive_file 4000\n");
        Assert.Equal(4100, FreeMemory.OfLinux(_root));
        Write("sys/fs/cgroup/app/memory.max", "50000\n");
        Assert.Equal(8192, FreeMemory.OfLinux(_root));
    }

    [Fact]
    public void Of_Cpu_IsKnownAndNotNothing() => Assert.True(FreeMemory.Of(AttentionDevice.Cpu, SimulatedCudaTests.Machine) > 0);

    private void Write(string path, string text)
    {
        string full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }
}
