using System.Globalization;
using LatentSync.Attention.Machines;

namespace LatentSync.Platform.Machines;

/// <summary>AMD's GPUs as its compute driver (kfd) and its ROCm installation show them, read from files.</summary>
internal static class RocmProbe
{
    private const string Nodes = "sys/class/kfd/kfd/topology/nodes";

    /// <summary>The installed ROCm, "6.2.1"; null when there is none.</summary>
    /// <param name="root">"/" or a copy of such a tree.</param>
    public static string? Version(string root)
    {
        string file = Path.Combine(root, "opt/rocm/.info/version");
        // "6.2.1-112"
        return File.Exists(file) && File.ReadAllText(file).Trim().Split('-')[0] is { Length: > 0 } version ? version : null;
    }

    /// <summary>The GPUs that the compute driver lists; the driver's processors are left out.</summary>
    /// <param name="root">"/" or a copy of such a tree.</param>
    public static IReadOnlyList<GpuInfo> Read(string root)
    {
        string nodes = Path.Combine(root, Nodes);
        if (!Directory.Exists(nodes))
        {
            return [];
        }
        return Directory
            .EnumerateDirectories(nodes)
            .OrderBy(folder =>
                int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int index)
                    ? index
                    : int.MaxValue
            )
            .Select(Node)
            .OfType<GpuInfo>()
            .ToList();
    }

    private static GpuInfo? Node(string folder)
    {
        long target = Property(Path.Combine(folder, "properties"), "gfx_target_version");
        if (target <= 0)
        {
            return null; // a processor is a node too
        }
        string banks = Path.Combine(folder, "mem_banks");
        long bytes = Directory.Exists(banks)
            ? Directory.EnumerateDirectories(banks).Max(bank => (long?)Property(Path.Combine(bank, "properties"), "size_in_bytes")) ?? 0
            : 0;
        return new GpuInfo($"AMD GPU ({Architecture(target)})", null, bytes, null, null) { Maker = "amd" };
    }

    /// <summary>"gfx1100" of 110000, "gfx90a" of 90010: major, minor and stepping of two digits each, the stepping in base 16.</summary>
    internal static string Architecture(long target) =>
        string.Create(CultureInfo.InvariantCulture, $"gfx{target / 10000}{target / 100 % 100:x}{target % 100:x}");

    private static long Property(string file, string name)
    {
        if (!File.Exists(file))
        {
            return 0;
        }
        foreach (string line in File.ReadLines(file))
        {
            string[] parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (
                parts.Length == 2
                && parts[0] == name
                && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            )
            {
                return value;
            }
        }
        return 0;
    }
}
