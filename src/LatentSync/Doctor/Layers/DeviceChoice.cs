using System.Globalization;
using LatentSync.Attention.Constraints;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Doctor.Layers;

/// <summary>Where LatentSync computes by default, and in which element type: the same rules as <c>sync</c> with --device auto and
/// --dtype auto.</summary>
public static class DeviceChoice
{
    /// <summary>The GPU that can be used, as a device; the CPU when there is none.</summary>
    /// <param name="machine">The machine, found or described.</param>
    public static AttentionDevice DeviceOf(Machine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        for (int i = 0; i < machine.Gpus.Count; i++)
        {
            if (ObstacleOf(machine, machine.Gpus[i]) is null)
            {
                return AttentionDevice.Cuda(i);
            }
        }
        return AttentionDevice.Cpu;
    }

    /// <summary>float16 on GPUs of compute capability above 7, as the original; float32 elsewhere.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="device">The device.</param>
    public static AttentionDType DTypeOf(Machine machine, AttentionDevice device)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return device.Kind == AttentionDeviceKind.Cuda && MajorOf(machine.Gpus[device.Index]) > 7 ? AttentionDType.Float16 : AttentionDType.Float32;
    }

    /// <summary>Why libtorch cannot compute on a GPU; null when it can.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="gpu">One of its GPUs.</param>
    public static GpuObstacle? ObstacleOf(Machine machine, GpuInfo gpu)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(gpu);
        if (gpu.ComputeCapability is null)
        {
            return GpuObstacle.NotNvidia;
        }
        if (machine.LibTorch is not { } torch)
        {
            return GpuObstacle.NoLibTorch;
        }
        if (torch.Flavor is "cpu")
        {
            return GpuObstacle.CpuBuild;
        }
        if (!GpuArchitectures.HasCodeFor(torch, gpu.ComputeCapability))
        {
            return GpuObstacle.NoCode;
        }
        return machine.Cuda is { Runtime: { } runtime, Driver: var driver } && (driver is null || Major(driver) < Major(runtime)) ? GpuObstacle.OldDriver : null;
    }

    private static int MajorOf(GpuInfo gpu) => gpu.ComputeCapability is { } capability ? Major(capability) : 0;

    private static int Major(string version) =>
        int.TryParse(version.Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out int major) ? major : int.MaxValue;
}

/// <summary>Why libtorch cannot compute on a GPU.</summary>
public enum GpuObstacle
{
    /// <summary>Another maker's GPU: TorchSharp's libraries are for CUDA (and Apple's Metal).</summary>
    NotNvidia,

    /// <summary>There is no libtorch.</summary>
    NoLibTorch,

    /// <summary>libtorch is the CPU build.</summary>
    CpuBuild,

    /// <summary>libtorch holds no code for the GPU's architecture.</summary>
    NoCode,

    /// <summary>The driver is older than the CUDA version that libtorch was built for.</summary>
    OldDriver,
}
