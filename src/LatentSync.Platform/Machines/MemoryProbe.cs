using System.Globalization;

namespace LatentSync.Platform.Machines;

/// <summary>Memory in bytes.</summary>
/// <param name="UsableBytes">What this process may use at most: a container's limit counts.</param>
/// <param name="AvailableBytes">What is free now, by the system's own estimate; null if unknown.</param>
public sealed record MemoryFacts(long UsableBytes, long? AvailableBytes);

/// <summary>Reads the machine's memory.</summary>
internal static class MemoryProbe
{
    /// <param name="root">"/" or a copy of such a tree.</param>
    public static MemoryFacts Read(string root)
    {
        if (!File.Exists(Path.Combine(root, "proc/meminfo")))
        {
            return new MemoryFacts(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, null);
        }
        long? total = null,
            available = null;
        foreach (string line in File.ReadLines(Path.Combine(root, "proc/meminfo")))
        {
            total ??= KiB(line, "MemTotal:");
            available ??= KiB(line, "MemAvailable:");
        }
        long usable = total ?? throw new InvalidDataException("proc/meminfo has no MemTotal");
        if (CgroupLimits.Read(root).MemoryBytes is { } limit && limit < usable)
        {
            usable = limit;
            available = available is { } free ? Math.Min(free, limit) : null;
        }
        return new MemoryFacts(usable, available);
    }

    private static long? KiB(string line, string key)
    {
        string[] parts = line.StartsWith(key, StringComparison.Ordinal)
            ? line[key.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)
            : [];
        return parts.Length > 0 && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? value * 1024
            : null;
    }
}
