using LatentSync.Attention.Selection;
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
/// <param name="DotNet">The running .NET; the key is <c>dotnet</c>.</param>
public sealed record MachineReport(
    string Os,
    CpuInfo Cpu,
    long? MemoryBytes,
    IReadOnlyList<GpuInfo> Gpus,
    CudaInfo Cuda,
    [property: System.Text.Json.Serialization.JsonPropertyName("libtorch")] LibTorchReport LibTorch,
    [property: System.Text.Json.Serialization.JsonPropertyName("libstdcxx")] string? LibStdCxx,
    string? Ffmpeg,
    [property: System.Text.Json.Serialization.JsonPropertyName("dotnet")] string DotNet
)
{
    /// <summary>How each probe of the machine ended.</summary>
    public IReadOnlyList<ProbeOutcome> Probes { get; init; } = [];

    internal static MachineReport Of(MachineExamination examined, FfmpegFinding? ffmpeg)
    {
        Machine machine = examined.Machine;
        LibTorchInfo? torch = machine.LibTorch;
        return new MachineReport(
            machine.Os,
            machine.Cpu,
            examined.Memory?.UsableBytes,
            machine.Gpus,
            machine.Cuda ?? new CudaInfo(null, null),
            new LibTorchReport(torch?.Version, torch?.Flavor, torch?.Path, torch?.Repaired ?? false, torch?.Architectures ?? []),
            examined.LibStdCxx is { } cxx ? $"{cxx.NewestVersion} ({cxx.Path})" : null,
            ffmpeg is null ? null : $"{ffmpeg.Version} ({ffmpeg.FfmpegPath})",
            examined.DotNet
        )
        {
            Probes = examined.Probes,
        };
    }
}

/// <summary>A libtorch as the doctor's JSON shows it.</summary>
/// <param name="Version">"2.10.0"; null when there is none.</param>
/// <param name="Flavor">"cpu", "cu128"; null when there is none.</param>
/// <param name="Path">Its folder.</param>
/// <param name="Repaired">TorchSharp's bridge needed the repair.</param>
/// <param name="Architectures">GPU architectures it holds code for, where known.</param>
public sealed record LibTorchReport(string? Version, string? Flavor, string? Path, bool Repaired, IReadOnlyList<string> Architectures);
