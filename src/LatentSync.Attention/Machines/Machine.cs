using System.Text.Json.Serialization;

namespace LatentSync.Attention.Machines;

/// <summary>A family of operating systems, as far as builds of libtorch differ between them.</summary>
public enum OsFamily
{
    /// <summary>None of the others, or not known.</summary>
    Other,

    /// <summary>Linux.</summary>
    Linux,

    /// <summary>Windows.</summary>
    Windows,

    /// <summary>macOS.</summary>
    MacOs,
}

/// <summary>Everything about a machine that decides which attention backend can run. Pure data: found by
/// LatentSync.Platform, read from JSON, or described by hand, so that rules can be asked about a machine one does not have.</summary>
/// <param name="Os">"linux", "windows" or "macos", with its version: "linux Debian GNU/Linux 12".</param>
/// <param name="Cpu">The processor.</param>
/// <param name="MemoryBytes">Memory that this process may use (a container's limit counts), in bytes.</param>
/// <param name="Gpus">Every GPU found; empty when there is none.</param>
/// <param name="Cuda">CUDA driver and runtime; null when neither was found.</param>
/// <param name="LibTorch">The libtorch that is or would be loaded; null when none was found.</param>
public sealed record Machine(string Os, CpuInfo Cpu, long MemoryBytes, IReadOnlyList<GpuInfo> Gpus, CudaInfo? Cuda, LibTorchInfo? LibTorch)
{
    /// <summary>The family that <see cref="Os"/> names; <see cref="OsFamily.Other"/> when it cannot be told.</summary>
    [JsonIgnore]
    public OsFamily OsFamily =>
        Names("darwin") || Names("macos") || Names("os x") ? OsFamily.MacOs
        : Names("windows") ? OsFamily.Windows
        : Names("linux") || Names("ubuntu") || Names("debian") ? OsFamily.Linux
        : OsFamily.Other;

    private bool Names(string word) => Os.Contains(word, StringComparison.OrdinalIgnoreCase);
}

/// <summary>A processor.</summary>
/// <param name="Name">Model name as the system tells it.</param>
/// <param name="Cores">Logical processors this process may use (a container's quota counts).</param>
/// <param name="Isa">Instruction sets that .NET may use, for instance "avx2", "avx512f", "avx512bf16", "advsimd".</param>
/// <param name="Architecture">"x64", "arm64", ...</param>
public sealed record CpuInfo(string Name, int Cores, IReadOnlyList<string> Isa, string Architecture);

/// <summary>A GPU.</summary>
/// <param name="Name">Marketing name.</param>
/// <param name="ComputeCapability">CUDA compute capability "major.minor"; null for other makers.</param>
/// <param name="MemoryBytes">Total memory in bytes.</param>
/// <param name="FreeBytes">Free memory in bytes when it was asked; null if unknown.</param>
/// <param name="Driver">Driver version; null if unknown.</param>
public sealed record GpuInfo(string Name, string? ComputeCapability, long MemoryBytes, long? FreeBytes, string? Driver)
{
    /// <summary>"nvidia", "amd" or "apple"; null (default) when unknown.</summary>
    public string? Maker { get; init; }

    /// <summary>MIG slice that the process sees, "1g.18gb"; null (default) for a whole GPU or when unknown.</summary>
    public string? MigProfile { get; init; }

    /// <summary>The process sees a slice of a GPU only.</summary>
    [JsonIgnore]
    public bool IsMig => MigProfile is not null;
}

/// <summary>CUDA as found on the machine.</summary>
/// <param name="Driver">Highest CUDA version the driver supports, "major.minor"; null if no driver.</param>
/// <param name="Runtime">CUDA version libtorch was built for, "major.minor"; null for a CPU build.</param>
public sealed record CudaInfo(string? Driver, string? Runtime)
{
    /// <summary>Version of the cuDNN that libtorch uses, "9.10.2"; null (default) when unknown.</summary>
    public string? CuDnn { get; init; }
}

/// <summary>A libtorch.</summary>
/// <param name="Version">"2.10.0".</param>
/// <param name="Flavor">"cpu", "cu128", ...</param>
/// <param name="Path">Folder of libtorch_cpu; null when only described.</param>
/// <param name="Repaired">TorchSharp's native bridge needed the GLIBCXX repair.</param>
/// <param name="Architectures">GPU architectures the binary holds code for, "8.6"; empty for a CPU build.</param>
public sealed record LibTorchInfo(string Version, string Flavor, string? Path, bool Repaired, IReadOnlyList<string> Architectures)
{
    /// <summary>Whether its CUDA code was compiled with FlashAttention; null (default) when unknown, false for Windows builds that are
    /// known to lack it.</summary>
    public bool? HasFlashAttention { get; init; }

    /// <summary>Whether its CUDA code was compiled with the memory-efficient kernels; null (default) when unknown.</summary>
    public bool? HasEfficientAttention { get; init; }
}
