using System.Globalization;

namespace LatentSync.Platform.Machines;

/// <summary>What the memory limits on this process's control groups leave. The groups are looked up once, their numbers at each
/// question.</summary>
internal sealed class CgroupMemory
{
    private readonly CgroupFolder[] _limited;

    private CgroupMemory(CgroupFolder[] limited) => _limited = limited;

    /// <summary>The groups that have a limit file.</summary>
    /// <param name="root">"/" or a copy of such a tree.</param>
    internal static CgroupMemory Find(string root) =>
        new([.. CgroupFolder.All(root).Where(folder => File.Exists(Path.Combine(folder.Path, Names.Of(folder).Limit)))]);

    /// <summary>Bytes left under the tightest limit; null when nothing is limited. Pages of files that were read and not used since do not
    /// count as used: the kernel gives them up first.</summary>
    internal long? FreeBytes()
    {
        long? least = null;
        foreach (CgroupFolder folder in _limited)
        {
            Names names = Names.Of(folder);
            if (
                CgroupFolder.Number(folder.Path, names.Limit) is { } limit
                && limit < CgroupFolder.UnlimitedFrom
                && CgroupFolder.Number(folder.Path, names.Use) is { } used
            )
            {
                used = Math.Max(used - Statistic(folder.Path, names.Reclaimable), 0);
                least = Math.Min(least ?? long.MaxValue, Math.Max(limit - used, 0));
            }
        }
        return least;
    }

    private static long Statistic(string folder, string name)
    {
        string path = Path.Combine(folder, "memory.stat");
        foreach (string line in File.Exists(path) ? File.ReadLines(path) : [])
        {
            // "inactive_file 4096"
            if (line.Length > name.Length && line[name.Length] == ' ' && line.StartsWith(name, StringComparison.Ordinal))
            {
                return long.TryParse(line.AsSpan(name.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long value)
                    ? value
                    : 0;
            }
        }
        return 0;
    }

    /// <summary>Files and the line of memory.stat, with the groups below counted in, by version.</summary>
    private readonly record struct Names(string Limit, string Use, string Reclaimable)
    {
        internal static Names Of(CgroupFolder folder) =>
            folder.IsVersion2
                ? new Names("memory.max", "memory.current", "inactive_file")
                : new Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
    }
}
