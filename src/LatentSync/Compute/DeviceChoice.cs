using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;

namespace LatentSync.Compute;

/// <summary>Where LatentSync computes by default, and in which element type: <c>sync</c> with --device auto and --dtype auto asks here, and
/// so does the doctor.</summary>
public static class DeviceChoice
{
    /// <summary>The first GPU that can be used, as a device; the CPU when there is none.</summary>
    /// <param name="machine">The machine, found or described.</param>
    /// <param name="seesCuda">What libtorch itself says about CUDA; null when it was not loaded.</param>
    public static AttentionDevice DeviceOf(Machine machine, bool? seesCuda = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        if (seesCuda == false)
        {
            return AttentionDevice.Cpu;
        }
        if (seesCuda == true && machine.Gpus.Count == 0)
        {
            return AttentionDevice.Cuda(0); // the probes found none, libtorch did
        }
        for (int i = 0; i < machine.Gpus.Count; i++)
        {
            if (ObstacleOf(machine, machine.Gpus[i], seesCuda) is null)
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
        return device.Kind == AttentionDeviceKind.Cuda && device.Index < machine.Gpus.Count && MajorOf(machine.Gpus[device.Index]) > 7
            ? AttentionDType.Float16
            : AttentionDType.Float32;
    }

    /// <summary>True where a device multiplies bfloat16 faster than float32: GPUs from compute capability 8.0 on, processors with
    /// AVX512-BF16 or AMX.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="device">The device.</param>
    public static bool HasFastBFloat16(Machine machine, AttentionDevice device)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return device.Kind switch
        {
            AttentionDeviceKind.Cpu => machine.Cpu.Isa.Contains("avx512bf16") || machine.Cpu.Isa.Contains("amxbf16"),
            AttentionDeviceKind.Cuda => device.Index < machine.Gpus.Count && MajorOf(machine.Gpus[device.Index]) >= 8,
            _ => false,
        };
    }

    /// <summary>True where a device multiplies float16 faster than float32: GPUs from compute capability 7.0 on, processors with
    /// AVX512-FP16 or AMX-FP16.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="device">The device.</param>
    public static bool HasFastFloat16(Machine machine, AttentionDevice device)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return device.Kind switch
        {
            AttentionDeviceKind.Cpu => machine.Cpu.Isa.Contains("avx512fp16") || machine.Cpu.Isa.Contains("amxfp16"),
            AttentionDeviceKind.Cuda => device.Index < machine.Gpus.Count && MajorOf(machine.Gpus[device.Index]) >= 7,
            _ => false,
        };
    }

    /// <summary>Why libtorch cannot compute on a GPU; null when it can.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="gpu">One of its GPUs.</param>
    /// <param name="seesCuda">What libtorch itself says about CUDA; null when it was not loaded. When it sees CUDA, the driver is good
    /// enough.</param>
    public static GpuObstacle? ObstacleOf(Machine machine, GpuInfo gpu, bool? seesCuda = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(gpu);
        if (gpu.ComputeCapability is null)
        {
            return seesCuda == true && gpu.Maker == "nvidia" ? null : GpuObstacle.NotNvidia; // an NVIDIA GPU that did not tell what it is
        }
        if (seesCuda == true)
        {
            return machine.LibTorch is { } loaded && !GpuArchitectures.HasCodeFor(loaded, gpu.ComputeCapability)
                ? GpuObstacle.NoCode
                : null;
        }
        if (machine.LibTorch is not { } torch)
        {
            return GpuObstacle.NoLibTorch;
        }
        if (torch.Flavor is "cpu")
        {
            return GpuObstacle.CpuBuild;
        }
        if (machine.Cuda is { Runtime: not null, Driver: null })
        {
            return GpuObstacle.NoDriver;
        }
        if (!GpuArchitectures.HasCodeFor(torch, gpu.ComputeCapability))
        {
            return GpuObstacle.NoCode;
        }
        return machine.Cuda is { Driver: { } driver } ? ObstacleOf(driver, machine.Cuda.Runtime, gpu.ComputeCapability) : null;
    }

    /// <summary>What is wrong with a driver: the greater of what the GPU and what libtorch need is told.</summary>
    private static GpuObstacle? ObstacleOf(string driver, string? runtime, string capability)
    {
        if (
            runtime is not null
            && CudaVersion.Major(driver) < CudaVersion.Major(runtime)
            && (CudaDrivers.LeastFor(capability) is not { } least || CudaVersion.Major(least) < CudaVersion.Major(runtime))
        )
        {
            return GpuObstacle.OldDriver;
        }
        return Versions.Parse(driver) < Versions.Parse(CudaDrivers.LeastFor(capability)) ? GpuObstacle.OldDriverForGpu : null;
    }

    private static int MajorOf(GpuInfo gpu) => gpu.ComputeCapability is { } capability ? CudaVersion.Major(capability) : 0;
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

    /// <summary>There is no NVIDIA driver.</summary>
    NoDriver,

    /// <summary>The driver is older than the CUDA version that libtorch was built for.</summary>
    OldDriver,

    /// <summary>The driver is older than the GPU.</summary>
    OldDriverForGpu,
}
