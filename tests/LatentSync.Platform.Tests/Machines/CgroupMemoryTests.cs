using LatentSync.Platform.Machines;

namespace LatentSync.Platform.Tests.Machines;

public sealed class CgroupMemoryTests : IDisposable
{
    private const string Version2Mount = "30 23 0:27 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw\n";

    private readonly TestFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void FreeBytes_NoCgroups_IsUnknown() => Assert.Null(CgroupMemory.Find(_root.Path).FreeBytes());

    [Fact]
    public void FreeBytes_Version2_CacheOfFilesIsNotUse()
    {
        Tree("0::/\n", Version2Mount);
        Group("sys/fs/cgroup", "8000", "7000", "anon 1500\ninactive_file_other 9\ninactive_file 5000\nactive_file 500\n");
        Assert.Equal(6000, CgroupMemory.Find(_root.Path).FreeBytes());
    }

    [Fact]
    public void FreeBytes_Version2Nested_TightestOnTheWayCountsAndIsReadAnew()
    {
        Tree("0::/user.slice/app.scope\n", Version2Mount);
        Group("sys/fs/cgroup/user.slice/app.scope", "max", "100", "inactive_file 0\n");
        Group("sys/fs/cgroup/user.slice", "5000", "4000", "inactive_file 1000\n");
        CgroupMemory memory = CgroupMemory.Find(_root.Path);
        Assert.Equal(2000, memory.FreeBytes());
        _root.Write("sys/fs/cgroup/user.slice/app.scope/memory.max", "700\n");
        Assert.Equal(600, memory.FreeBytes());
    }

    [Fact]
    public void FreeBytes_Version1InAContainer_IsRead()
    {
        Tree("12:memory:/docker/abc\n", "34 33 0:30 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
        _root.Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "8000\n");
        _root.Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "7500\n");
        _root.Write("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 2500\n");
        Assert.Equal(3000, CgroupMemory.Find(_root.Path).FreeBytes());
    }

    [Theory]
    [InlineData("max", "100", "", null)]
    [InlineData("9223372036854771712", "100", "", null)]
    [InlineData("1000", "rubbish", "", null)]
    [InlineData("1000", "400", "", 600L)]
    [InlineData("1000", "400", "inactive_file rubbish\n", 600L)]
    [InlineData("1000", "400", "inactive_file 900\n", 1000L)]
    [InlineData("1000", "1200", "inactive_file 0\n", 0L)]
    public void FreeBytes_OddNumbers_AreBounded(string limit, string used, string statistics, long? expected)
    {
        Tree("0::/\n", Version2Mount);
        Group("sys/fs/cgroup", limit, used, statistics);
        Assert.Equal(expected, CgroupMemory.Find(_root.Path).FreeBytes());
    }

    private void Group(string folder, string limit, string used, string statistics)
    {
        _root.Write(folder + "/memory.max", limit + "\n");
        _root.Write(folder + "/memory.current", used + "\n");
        _root.Write(folder + "/memory.stat", statistics);
    }

    private void Tree(string membership, string mounts)
    {
        _root.Write("proc/self/cgroup", membership);
        _root.Write("proc/self/mountinfo", mounts);
    }
}
