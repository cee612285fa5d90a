using System.Globalization;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Platform.Machines;

namespace LatentSync.Attention.Torch.Devices;

/// <summary>Memory that is free at this moment.</summary>
public static class FreeMemory
{
    private const string Root = "/";

    private static readonly Lazy<CgroupMemory> Groups = new(() => CgroupMemory.Find(Root));

    /// <summary>Free bytes of a device; null when unknown.</summary>
    public static long? Of(AttentionDevice device, Machine machine) =>
        device.Kind switch
        {
            AttentionDeviceKind.Cpu => OfMainMemory(),
            AttentionDeviceKind.Cuda => OfGpu(device.Index, machine, CudaDriver.Instance),
            _ => null,
        };

    /// <summary>Bytes to count as free on a device of a machine that this process does not run on: of a GPU what was found free, of
    /// anything else all there is; null when unknown.</summary>
    public static long? OfDescribed(AttentionDevice device, Machine machine) =>
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
        return OfLinux(Root, Groups.Value.FreeBytes());
    }

    /// <summary>What the system calls available, or less when a container's limit leaves less.</summary>
    /// <param name="root">"/" or a copy of such a tree.</param>
    internal static long? OfLinux(string root) => OfLinux(root, CgroupMemory.Find(root).FreeBytes());

    private static long? OfLinux(string root, long? left) =>
        Available(Path.Combine(root, "proc/meminfo")) is { } system ? Math.Min(system, left ?? long.MaxValue) : left;

    private static long? Available(string memInfo)
    {
        foreach (string line in File.Exists(memInfo) ? File.ReadLines(memInfo) : [])
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
}
