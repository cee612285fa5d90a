using System.Runtime.InteropServices;
using LatentSync.Attention.Machines;

namespace LatentSync.Platform.Machines;

/// <summary>GPUs that are divided into slices (multi-instance GPU, MIG): what a process sees is a slice, with its own memory.</summary>
/// <remarks>NVML API reference, "Multi Instance GPU Management".</remarks>
internal static unsafe class NvmlMig
{
    private const string NameMark = " MIG ";

    /// <summary>Whether a GPU is divided. A driver or GPU without MIG says no.</summary>
    /// <param name="handle">NVML.</param>
    /// <param name="device">The GPU.</param>
    public static bool IsOn(nint handle, nint device)
    {
        if (!NativeLibrary.TryGetExport(handle, "nvmlDeviceGetMigMode", out nint export))
        {
            return false;
        }
        uint current,
            pending;
        return ((delegate* unmanaged<nint, uint*, uint*, int>)export)(device, &current, &pending) == 0 && current == 1;
    }

    /// <summary>The slices of a GPU that this process may use.</summary>
    /// <param name="handle">NVML.</param>
    /// <param name="device">The GPU.</param>
    /// <param name="whole">The GPU as a whole: a slice has its compute capability and driver.</param>
    public static List<GpuInfo> Slices(nint handle, nint device, GpuInfo whole)
    {
        uint count;
        List<GpuInfo> slices = [];
        if (((delegate* unmanaged<nint, uint*, int>)NativeLibrary.GetExport(handle, "nvmlDeviceGetMaxMigDeviceCount"))(device, &count) != 0)
        {
            return slices;
        }
        var byIndex = (delegate* unmanaged<nint, uint, nint*, int>)NativeLibrary.GetExport(handle, "nvmlDeviceGetMigDeviceHandleByIndex");
        var memoryOf = (delegate* unmanaged<nint, ulong*, int>)NativeLibrary.GetExport(handle, "nvmlDeviceGetMemoryInfo");
        ulong* memory = stackalloc ulong[3]; // total, free, used
        for (uint i = 0; i < count; i++)
        {
            nint slice;
            if (byIndex(device, i, &slice) != 0 || memoryOf(slice, memory) != 0)
            {
                continue; // a place for a slice that is not filled, or not ours
            }
            string name = NvmlProbe.Name(handle, slice);
            slices.Add(
                whole with
                {
                    Name = name,
                    MemoryBytes = (long)memory[0],
                    FreeBytes = (long)memory[1],
                    MigProfile = Profile(name) ?? Profile(handle, slice) ?? "unknown",
                }
            );
        }
        return slices;
    }

    /// <summary>"1g.18gb" of "NVIDIA H200 MIG 1g.18gb"; null for a whole GPU's name.</summary>
    /// <param name="name">As NVML and the CUDA driver name it.</param>
    public static string? Profile(string name)
    {
        int mark = name.IndexOf(NameMark, StringComparison.Ordinal);
        return mark < 0 ? null : name[(mark + NameMark.Length)..].Trim();
    }

    /// <summary>The profile by the slice's size, for drivers that give it the name of the whole GPU.</summary>
    private static string? Profile(nint handle, nint slice)
    {
        // nvmlDeviceAttributes_v2: eight counts (the seventh is that of the GPU's slices), then the memory in MiB
        uint* attributes = stackalloc uint[10];
        if (
            !NativeLibrary.TryGetExport(handle, "nvmlDeviceGetAttributes_v2", out nint export)
            || ((delegate* unmanaged<nint, uint*, int>)export)(slice, attributes) != 0
        )
        {
            return null;
        }
        ulong mebibytes = *(ulong*)(attributes + 8);
        return FormattableString.Invariant($"{attributes[6]}g.{Math.Round(mebibytes / 1024.0):0}gb");
    }
}
