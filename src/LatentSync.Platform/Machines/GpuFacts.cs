using LatentSync.Attention.Machines;

namespace LatentSync.Platform.Machines;

/// <summary>The GPUs of a machine.</summary>
/// <param name="Gpus">Those that can be asked, and those of other makers, named.</param>
/// <param name="CudaDriver">Highest CUDA version the NVIDIA driver supports, "12.8"; null without a driver.</param>
/// <param name="Note">What keeps a GPU from use, or how it was found.</param>
public sealed record GpuFacts(IReadOnlyList<GpuInfo> Gpus, string? CudaDriver, string Note)
{
    /// <summary>An NVIDIA card is on the bus, but there is no driver to use it.</summary>
    public bool HasIdleNvidia { get; init; }

    /// <summary>The installed ROCm, "6.2.1"; null without one.</summary>
    public string? Rocm { get; init; }
}
