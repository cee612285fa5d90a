using LatentSync.Attention.Machines;
using LatentSync.Platform.Machines;

namespace LatentSync.Doctor;

/// <summary>The machine as the doctor's JSON shows it. Every object is always there; what is unknown or absent is null.</summary>
/// <param name="Os">"linux Debian GNU/Linux 12 (bookworm)".</param>
/// <param name="Cpu">The processor.</param>
/// <param name="MemoryBytes">Memory this process may use.</param>
/// <param name="Gpus">The GPUs.</param>
/// <param name="Cuda">CUDA of the driver and of libtorch.</param>
/// <param name="LibTorch">The libtorch that is or would be loaded; the key is <c>libtorch</c>.</param>
/// <param name="LibStdCxx">Newest symbol version and file of the C++ library; the key is <c>libstdcxx</c>.</param>
/// <param name="Ffmpeg">Version and path of ffmpeg.</param>
/// <param name="DotNet">The running .NET; null for a described machine; the key is <c>dotnet</c>.</param>
public sealed record MachineReport(
    string Os,
    CpuInfo Cpu,
    long? MemoryBytes,
    IReadOnlyList<GpuInfo> Gpus,
    CudaInfo Cuda,
    [property: System.Text.Json.Serialization.JsonPropertyName("libtorch")] LibTorchReport LibTorch,
    [property: System.Text.Json.Serialization.JsonPropertyName("libstdcxx")] string? LibStdCxx,
    string? Ffmpeg,
    [property: System.Text.Json.Serialization.JsonPropertyName("dotnet")] string? DotNet
)
{
    /// <summary>The kernel, "Linux 6.1.0-18-amd64"; null when unknown.</summary>
    public string? Kernel { get; init; }

    /// <summary>The C library, "2.36"; null when there is none of this kind or it is unknown.</summary>
    public string? Glibc { get; init; }

    /// <summary>AMD's ROCm, "6.2.1"; null without one.</summary>
    public string? Rocm { get; init; }

    /// <summary>How each probe of the machine ended.</summary>
    public IReadOnlyList<ProbeOutcome> Probes { get; init; } = [];

    /// <summary>How long all probes took, in milliseconds; null for a described machine.</summary>
    public double? ProbeMilliseconds { get; init; }

    /// <summary>The report of a machine that nobody looked at.</summary>
    /// <param name="machine">The machine as described.</param>
    public static MachineReport Of(Machine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return new MachineReport(
            machine.Os,
            machine.Cpu,
            machine.MemoryBytes > 0 ? machine.MemoryBytes : null,
            machine.Gpus,
            machine.Cuda ?? new CudaInfo(null, null),
            LibTorchReport.Of(machine.LibTorch),
            null,
            null,
            null
        );
    }

    internal static MachineReport Of(MachineExamination examined, FfmpegFinding? ffmpeg)
    {
        Machine machine = examined.Machine;
        return new MachineReport(
            machine.Os,
            machine.Cpu,
            examined.Memory?.UsableBytes,
            machine.Gpus,
            machine.Cuda ?? new CudaInfo(null, null),
            LibTorchReport.Of(machine.LibTorch),
            examined.LibStdCxx is { } cxx ? $"{cxx.NewestVersion} ({cxx.Path})" : null,
            ffmpeg is null ? null : $"{ffmpeg.Version} ({ffmpeg.FfmpegPath})",
            examined.DotNet
        )
        {
            Kernel = examined.Kernel?.Kernel,
            Glibc = examined.Kernel?.Glibc,
            Rocm = examined.Gpus?.Rocm,
            Probes = examined.Probes,
            ProbeMilliseconds = examined.Milliseconds,
        };
    }
}

/// <summary>A libtorch as the doctor's JSON shows it.</summary>
/// <param name="Version">"2.10.0"; null when there is none.</param>
/// <param name="Flavor">"cpu", "cu128"; null when there is none.</param>
/// <param name="Path">Its folder.</param>
/// <param name="Repaired">TorchSharp's bridge needed the repair.</param>
/// <param name="Architectures">GPU architectures it holds code for, where known.</param>
public sealed record LibTorchReport(string? Version, string? Flavor, string? Path, bool Repaired, IReadOnlyList<string> Architectures)
{
    /// <summary>Whether it has FlashAttention for CUDA; null when unknown.</summary>
    public bool? HasFlashAttention { get; init; }

    /// <summary>Whether it has the memory-efficient kernels for CUDA; null when unknown.</summary>
    public bool? HasEfficientAttention { get; init; }

    internal static LibTorchReport Of(LibTorchInfo? torch) =>
        new(torch?.Version, torch?.Flavor, torch?.Path, torch?.Repaired ?? false, torch?.Architectures ?? [])
        {
            HasFlashAttention = torch?.HasFlashAttention,
            HasEfficientAttention = torch?.HasEfficientAttention,
        };
}
