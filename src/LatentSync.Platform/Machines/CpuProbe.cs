using System.Globalization;
using System.Runtime.InteropServices;
using LatentSync.Attention.Machines;

namespace LatentSync.Platform.Machines;

/// <summary>Reads the processor.</summary>
internal static class CpuProbe
{
    /// <param name="root">"/" or a copy of such a tree, for the name and the container's quota.</param>
    public static CpuInfo Read(string root)
    {
        string architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        string name =
            NameInCpuInfo(Path.Combine(root, "proc/cpuinfo")) ?? InstructionSets.BrandString() ?? $"unnamed {architecture} processor";
        return new CpuInfo(name, UsableCores(root, Environment.ProcessorCount), InstructionSets.Read(), architecture);
    }

    /// <summary>The processors that .NET sees (it counts affinity and, on the real root, the quota), at most the quota rounded
    /// up.</summary>
    public static int UsableCores(string root, int processorCount) =>
        CgroupLimits.Read(root).Cpus is { } quota ? Math.Clamp((int)Math.Ceiling(quota), 1, processorCount) : processorCount;

    /// <summary>Programs that wanted a processor during the last minute (proc/loadavg); null where there is no such file.</summary>
    public static double? Load(string root)
    {
        string file = Path.Combine(root, "proc/loadavg");
        return
            File.Exists(file)
            && double.TryParse(
                File.ReadAllText(file).Split(' ')[0],
                NumberStyles.AllowDecimalPoint,
                CultureInfo.InvariantCulture,
                out double load
            )
            ? load
            : null;
    }

    private static string? NameInCpuInfo(string file)
    {
        if (!File.Exists(file))
        {
            return null;
        }
        foreach (string line in File.ReadLines(file))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            string key = colon < 0 ? "" : line[..colon].Trim();
            if (key is "model name" or "Model" or "Hardware" && line[(colon + 1)..].Trim() is { Length: > 0 } name)
            {
                return name;
            }
        }
        return null;
    }
}
