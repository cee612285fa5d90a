using LatentSync.Platform.Machines;

namespace LatentSync.Platform.Tests.Machines;

public sealed class CgroupLimitsTests : IDisposable
{
    private const string Version2Mount = "30 23 0:27 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw\n";

    private readonly TestFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Read_NoCgroups_HasNoLimits() => Assert.Equal(new CgroupLimits(null, null), CgroupLimits.Read(_root.Path));

    [Fact]
    public void Read_Version2Container_GivesItsLimits()
    {
        Tree("0::/\n", Version2Mount);
        _root.Write("sys/fs/cgroup/memory.max", "4294967296\n");
        _root.Write("sys/fs/cgroup/cpu.max", "150000 100000\n");

        Assert.Equal(new CgroupLimits(4L << 30, 1.5), CgroupLimits.Read(_root.Path));
    }

    [Fact]
    public void Read_Version2Nested_TightestOnTheWayCounts()
    {
        Tree("0::/user.slice/app.scope\n", Version2Mount);
        _root.Write("sys/fs/cgroup/user.slice/app.scope/memory.max", "max\n");
        _root.Write("sys/fs/cgroup/user.slice/memory.max", "2147483648\n");
        _root.Write("sys/fs/cgroup/user.slice/app.scope/cpu.max", "400000 100000\n");
        _root.Write("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");

        Assert.Equal(new CgroupLimits(2L << 30, 4.0), CgroupLimits.Read(_root.Path));
    }

    [Fact]
    public void Read_Version1InAContainer_MountShowsOnlyItsPart()
    {
        Tree(
            "12:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n",
            "34 33 0:30 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n35 33 0:31 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
        );
        _root.Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "8589934592\n");
        _root.Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n");
        _root.Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");

        Assert.Equal(new CgroupLimits(8L << 30, 0.5), CgroupLimits.Read(_root.Path));
    }

    [Fact]
    public void Read_Version1Unlimited_HasNoLimits()
    {
        Tree(
            "12:memory:/\n4:cpu:/\n",
            "34 33 0:30 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n35 33 0:31 / /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n"
        );
        _root.Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        _root.Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
        _root.Write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");

        Assert.Equal(new CgroupLimits(null, null), CgroupLimits.Read(_root.Path));
    }

    [Theory]
    [InlineData("garbage\n", "garbage\n")]
    [InlineData("0::/../../etc\n", Version2Mount)]
    [InlineData("", "")]
    public void Read_OddFiles_HasNoLimitsAndDoesNotLeaveTheTree(string membership, string mounts)
    {
        Tree(membership, mounts);
        _root.Write("etc/memory.max", "1");

        Assert.Equal(new CgroupLimits(null, null), CgroupLimits.Read(_root.Path));
    }

    [Theory]
    [InlineData("150000 100000", 8, 2)]
    [InlineData("10000 100000", 8, 1)]
    [InlineData("max 100000", 8, 8)]
    [InlineData("1600000 100000", 8, 8)]
    [InlineData("rubbish", 8, 8)]
    public void UsableCores_Quota_IsRoundedUpAndBounded(string quota, int processors, int expected)
    {
        Tree("0::/\n", Version2Mount);
        _root.Write("sys/fs/cgroup/cpu.max", quota);

        Assert.Equal(expected, CpuProbe.UsableCores(_root.Path, processors));
    }

    [Fact]
    public void Memory_LimitBelowTheMachine_Counts()
    {
        Tree("0::/\n", Version2Mount);
        _root.Write("proc/meminfo", "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:   12000000 kB\n");
        _root.Write("sys/fs/cgroup/memory.max", "1073741824");

        Assert.Equal(new MemoryFacts(1L << 30, 1L << 30), MemoryProbe.Read(_root.Path));
    }

    [Fact]
    public void Memory_NoLimit_IsTheMachines()
    {
        _root.Write("proc/meminfo", "MemTotal:       16000000 kB\nMemAvailable:   12000000 kB\n");

        Assert.Equal(new MemoryFacts(16_384_000_000, 12_288_000_000), MemoryProbe.Read(_root.Path));
    }

    private void Tree(string membership, string mounts)
    {
        _root.Write("proc/self/cgroup", membership);
        _root.Write("proc/self/mountinfo", mounts);
    }
}
