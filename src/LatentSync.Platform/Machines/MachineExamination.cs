using LatentSync.Attention.Machines;

namespace LatentSync.Platform.Machines;

/// <summary>What was found on this machine.</summary>
/// <param name="Machine">What the attention rules need.</param>
/// <param name="DotNet">The running .NET, "10.0.1".</param>
/// <param name="Memory">Usable and free memory; null if it could not be read.</param>
/// <param name="LibStdCxx">The C++ library; null where there is none or it could not be read.</param>
/// <param name="Probes">How each probe ended: one that failed left its part unknown.</param>
public sealed record MachineExamination(
    Machine Machine,
    string DotNet,
    MemoryFacts? Memory,
    LibStdCxxFacts? LibStdCxx,
    IReadOnlyList<ProbeOutcome> Probes
)
{
    /// <summary>The kernel and the C library; null if it could not be read.</summary>
    public KernelFacts? Kernel { get; init; }

    /// <summary>The GPUs with what was found about them; null when nobody looked.</summary>
    public GpuFacts? Gpus { get; init; }

    /// <summary>The CUDA runtime and cuDNN that would be loaded; null if they could not be searched.</summary>
    public CudaLibraryFacts? CudaLibraries { get; init; }

    /// <summary>Programs that wanted a processor during the last minute, on average; null where the system does not tell. The kernel's
    /// figure: in a container it counts the whole machine.</summary>
    public double? Load { get; init; }

    /// <summary>How long the examination took, in milliseconds.</summary>
    public double Milliseconds { get; init; }

    /// <summary>How a probe ended.</summary>
    /// <param name="name">"os", "kernel", "cpu", "load", "memory", "gpu", "cuda", "libtorch" or "libstdcxx".</param>
    public ProbeOutcome Probe(string name) => Probes.Single(probe => probe.Name == name);
}
