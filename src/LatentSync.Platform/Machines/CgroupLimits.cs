using System.Globalization;

namespace LatentSync.Platform.Machines;

/// <summary>What a container's control groups allow this process.</summary>
/// <param name="MemoryBytes">The tightest memory limit on the way to the root; null for none.</param>
/// <param name="Cpus">The tightest CPU quota, in processors ("1.5"); null for none.</param>
internal sealed record CgroupLimits(long? MemoryBytes, double? Cpus)
{
    /// <summary>cgroup v1 writes "no limit" as the largest multiple of the page size.</summary>
    private const long UnlimitedFrom = 1L << 62;

    /// <summary>Reads cgroup v2 and v1, also mixed, from a file tree.</summary>
    /// <param name="root">"/" or a copy of such a tree: proc/self/cgroup, proc/self/mountinfo and the mounted hierarchies.</param>
    public static CgroupLimits Read(string root)
    {
        string membership = Path.Combine(root, "proc/self/cgroup"), mounts = Path.Combine(root, "proc/self/mountinfo");
        if (!File.Exists(membership) || !File.Exists(mounts))
        {
            return new CgroupLimits(null, null);
        }
        List<CgroupMount> mounted = File.ReadLines(mounts).Select(CgroupMount.Parse).OfType<CgroupMount>().ToList();
        long? memory = null;
        double? cpus = null;
        foreach (string line in File.ReadLines(membership))
        {
            // "0::/path" is v2; "5:cpu,cpuacct:/path" is v1
            string[] fields = line.Split(':', 3);
            if (fields.Length != 3)
            {
                continue;
            }
            string[] controllers = fields[1].Split(',', StringSplitOptions.RemoveEmptyEntries);
            bool isVersion2 = controllers.Length == 0;
            foreach (CgroupMount mount in mounted.Where(mount => mount.Serves(isVersion2, controllers)))
            {
                foreach (string folder in mount.Folders(root, fields[2]))
                {
                    memory = Least(memory, isVersion2 ? Number(folder, "memory.max") : Number(folder, "memory.limit_in_bytes"));
                    cpus = Least(cpus, isVersion2 ? Quota2(folder) : Quota1(folder));
                }
            }
        }
        return new CgroupLimits(memory, cpus);
    }

    private static long? Number(string folder, string file) =>
        Text(folder, file) is { } text && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value is > 0 and < UnlimitedFrom
            ? value
            : null;

    private static double? Quota2(string folder)
    {
        // "150000 100000": microseconds of processor time per period; "max 100000": no limit
        string[]? parts = Text(folder, "cpu.max")?.Split(' ');
        return parts is [var quota, var period] ? Ratio(quota, period) : null;
    }

    private static double? Quota1(string folder) =>
        Text(folder, "cpu.cfs_quota_us") is { } quota && Text(folder, "cpu.cfs_period_us") is { } period ? Ratio(quota, period) : null;

    private static double? Ratio(string quota, string period) =>
        long.TryParse(quota, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long used)
        && long.TryParse(period, NumberStyles.None, CultureInfo.InvariantCulture, out long of)
        && used > 0
        && of > 0
            ? (double)used / of
            : null;

    private static string? Text(string folder, string file)
    {
        string path = Path.Combine(folder, file);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : null;
    }

    private static T? Least<T>(T? a, T? b)
        where T : struct, IComparable<T> =>
        a is { } x && b is { } y ? (x.CompareTo(y) <= 0 ? x : y) : a ?? b;

    /// <summary>A mounted hierarchy: where it is, and which part of it is shown there.</summary>
    private sealed record CgroupMount(string ShownRoot, string MountPoint, bool IsVersion2, IReadOnlyList<string> Controllers)
    {
        /// <summary>A line of mountinfo: "id parent dev root mountpoint options [tags] - type source super-options".</summary>
        public static CgroupMount? Parse(string line)
        {
            int separator = line.IndexOf(" - ", StringComparison.Ordinal);
            string[] left = separator < 0 ? [] : line[..separator].Split(' ');
            string[] right = separator < 0 ? [] : line[(separator + 3)..].Split(' ');
            return left.Length >= 5 && right.Length >= 3 && right[0] is "cgroup" or "cgroup2"
                ? new CgroupMount(left[3], left[4], right[0] == "cgroup2", right[2].Split(','))
                : null;
        }

        public bool Serves(bool isVersion2, IReadOnlyList<string> controllers) =>
            IsVersion2 == isVersion2 && (isVersion2 || controllers.Any(controller => Controllers.Contains(controller)));

        /// <summary>The process's folder and its parents up to the mount: a limit of any of them counts.</summary>
        public IEnumerable<string> Folders(string root, string path)
        {
            string top = Path.Combine(root, MountPoint.TrimStart('/'));
            string shown = ShownRoot.TrimEnd('/');
            // In a container without its own cgroup namespace the path is the host's, and the mount shows only our part of it.
            string inside = shown.Length > 0 && path.StartsWith(shown, StringComparison.Ordinal) ? path[shown.Length..] : path;
            string[] parts = inside.Split('/', StringSplitOptions.RemoveEmptyEntries);
            if (parts.Contains(".."))
            {
                parts = []; // a process outside the namespace's root: only the mount itself can be read
            }
            for (int count = parts.Length; count >= 0; count--)
            {
                string folder = Path.Combine([top, .. parts[..count]]);
                if (Directory.Exists(folder))
                {
                    yield return folder;
                }
            }
        }
    }
}
