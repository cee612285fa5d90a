using System.Globalization;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Torch.Hosting;

/// <summary>Memory that is free at this moment.</summary>
internal static class FreeMemory
{
    private const string MemInfo = "/proc/meminfo", CgroupLimit = "/sys/fs/cgroup/memory.max", CgroupUse = "/sys/fs/cgroup/memory.current";

    /// <summary>Free bytes of a device; null when unknown.</summary>
    internal static long? Of(AttentionDevice device, Machine machine) =>
        device.Kind switch
        {
            AttentionDeviceKind.Cpu => OfMainMemory(),
            AttentionDeviceKind.Cuda => OfGpu(device.Index, machine, CudaDriver.Instance),
            _ => null,
        };

    /// <summary>Bytes to count as free on a device of a machine that this process does not run on: of a GPU what was found free, of anything
    /// else all there is; null when unknown.</summary>
    internal static long? OfDescribed(AttentionDevice device, Machine machine) =>
        device.Kind switch
        {
            AttentionDeviceKind.Cpu => machine.MemoryBytes > 0 ? machine.MemoryBytes : null,
            AttentionDeviceKind.Cuda => OfGpu(device.Index, machine, driver: null),
            _ => null,
        };

    /// <summary>What the driver says of a GPU in use; of one that this process does not use, what was found when the machine was
    /// examined.</summary>
    internal static long? OfGpu(int index, Machine machine, ICudaDriver? driver)
    {
        if (driver is not null)
        {
            long? free = CudaMemory.Free(driver, index, out bool isInUse);
            if (isInUse)
            {
                return free;
            }
        }
        return index < machine.Gpus.Count
            ? machine.Gpus[index] switch
            {
                { FreeBytes: { } found } => found,
                { MemoryBytes: > 0 and var total } => total,
                _ => null,
            }
            : null;
    }

    private static long? OfMainMemory()
    {
        if (!OperatingSystem.IsLinux())
        {
            GCMemoryInfo info = GC.GetGCMemoryInfo();
            return Math.Max(info.TotalAvailableMemoryBytes - info.MemoryLoadBytes, 0);
        }
        long? available = Available();
        if (ReadNumber(CgroupLimit) is { } limit && ReadNumber(CgroupUse) is { } used)
        {
            long left = Math.Max(limit - used, 0);
            available = available is { } system ? Math.Min(system, left) : left;
        }
        return available;
    }

    private static long? Available()
    {
        foreach (string line in File.Exists(MemInfo) ? File.ReadLines(MemInfo) : [])
        {
            if (line.StartsWith("MemAvailable:", StringComparison.Ordinal))
            {
                ReadOnlySpan<char> number = line.AsSpan("MemAvailable:".Length).Trim();
                number = number[..Math.Max(number.IndexOf(' '), 0)];
                return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes) ? kibibytes * 1024 : null;
            }
        }
        return null;
    }

    private static long? ReadNumber(string path) =>
        File.Exists(path)
        && long.TryParse(File.ReadAllText(path).AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : null;
}
