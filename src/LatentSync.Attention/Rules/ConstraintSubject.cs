using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Rules;

/// <summary>What a rule looks at.</summary>
/// <param name="problem">The problem.</param>
/// <param name="machine">The machine.</param>
/// <param name="estimatedBytes">The backend's memory estimate.</param>
/// <param name="freeBytes">Free memory on the problem's device; null when unknown.</param>
public readonly ref struct ConstraintSubject(in AttentionProblem problem, Machine machine, long estimatedBytes, long? freeBytes)
{
    /// <summary>The problem.</summary>
    public readonly AttentionProblem Problem = problem;

    /// <summary>The machine.</summary>
    public Machine Machine { get; } = machine;

    /// <summary>The backend's memory estimate in bytes.</summary>
    public long EstimatedBytes { get; } = estimatedBytes;

    /// <summary>Free memory on the problem's device in bytes; null when unknown.</summary>
    public long? FreeBytes { get; } = freeBytes;

    /// <summary>The tensors lie in main memory.</summary>
    public bool OnCpu => Problem.Device.Kind == AttentionDeviceKind.Cpu;

    /// <summary>The tensors lie on a GPU that libtorch calls "cuda".</summary>
    public bool OnCuda => Problem.Device.Kind == AttentionDeviceKind.Cuda;

    /// <summary>There is a mask.</summary>
    public bool HasMask => Problem.Mask.Kind != AttentionMaskKind.None;

    /// <summary>The GPU that the problem is on; null when it is on none or the machine does not have it.</summary>
    public GpuInfo? Gpu =>
        Problem.Device.Kind == AttentionDeviceKind.Cuda && Problem.Device.Index < Machine.Gpus.Count
            ? Machine.Gpus[Problem.Device.Index]
            : null;

    /// <summary>Compute capability of <see cref="Gpu"/> as 10·major + minor; null when unknown.</summary>
    public int? Capability => GpuArchitectures.TryParse(Gpu?.ComputeCapability, out int capability) ? capability : null;

    /// <summary>libtorch's version; null when unknown.</summary>
    public Version? LibTorch => Versions.Parse(Machine.LibTorch?.Version);

    /// <summary>cuDNN's version as it was found, else the one that the build of libtorch brings; null when unknown.</summary>
    public Version? CuDnn => LibTorchCatalog.CuDnnOf(Machine);

    /// <summary>The largest of head dim and value dim.</summary>
    public int LargestDim => Math.Max(Problem.HeadDim, Problem.ValueDim);

    /// <summary>libtorch is known to be older than a version.</summary>
    /// <param name="major">2.</param>
    /// <param name="minor">The minor version.</param>
    public bool LibTorchIsOlderThan(int major, int minor) => LibTorch is { } version && version < new Version(major, minor);

    /// <summary>cuDNN is known to be older than a version.</summary>
    /// <param name="major">9.</param>
    /// <param name="minor">The minor version.</param>
    /// <param name="patch">The patch level.</param>
    public bool CuDnnIsOlderThan(int major, int minor, int patch = 0) => CuDnn is { } version && version < new Version(major, minor, patch);
}
