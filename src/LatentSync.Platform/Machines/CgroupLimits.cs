using System.Globalization;

namespace LatentSync.Platform.Machines;

/// <summary>What a container's control groups allow this process.</summary>
/// <param name="MemoryBytes">The tightest memory limit on the way to the root; null for none.</param>
/// <param name="Cpus">The tightest CPU quota, in processors ("1.5"); null for none.</param>
internal sealed record CgroupLimits(long? MemoryBytes, double? Cpus)
{
    /// <summary>Reads cgroup v2 and v1, also mixed, from a file tree.</summary>
    /// <param name="root">"/" or a copy of such a tree: proc/self/cgroup, proc/self/mountinfo and the mounted hierarchies.</param>
    public static CgroupLimits Read(string root)
    {
        long? memory = null;
        double? cpus = null;
        foreach ((string folder, bool isVersion2) in CgroupFolder.All(root))
        {
            memory = Least(memory, isVersion2 ? Number(folder, "memory.max") : Number(folder, "memory.limit_in_bytes"));
            cpus = Least(cpus, isVersion2 ? Quota2(folder) : Quota1(folder));
        }
        return new CgroupLimits(memory, cpus);
    }

    private static long? Number(string folder, string file) =>
        CgroupFolder.Number(folder, file) is { } value && value is > 0 and < CgroupFolder.UnlimitedFrom ? value : null;

    private static double? Quota2(string folder)
    {
        // "150000 100000": microseconds of processor time per period; "max 100000": no limit
        string[]? parts = CgroupFolder.Text(folder, "cpu.max")?.Split(' ');
        return parts is [var quota, var period] ? Ratio(quota, period) : null;
    }

    private static double? Quota1(string folder) =>
        CgroupFolder.Text(folder, "cpu.cfs_quota_us") is { } quota && CgroupFolder.Text(folder, "cpu.cfs_period_us") is { } period
            ? Ratio(quota, period)
            : null;

    private static double? Ratio(string quota, string period) =>
        long.TryParse(quota, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long used)
        && long.TryParse(period, NumberStyles.None, CultureInfo.InvariantCulture, out long of)
        && used > 0
        && of > 0
            ? (double)used / of
            : null;

    private static T? Least<T>(T? a, T? b)
        where T : struct, IComparable<T> => a is { } x && b is { } y ? (x.CompareTo(y) <= 0 ? x : y) : a ?? b;
}
