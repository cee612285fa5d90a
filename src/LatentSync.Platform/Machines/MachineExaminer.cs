using LatentSync.Attention.Selection;
using LatentSync.Platform.LibTorch;

namespace LatentSync.Platform.Machines;

/// <summary>Examines this machine without loading libtorch. No probe can fail the whole: what could not be read is unknown, and
/// <see cref="MachineExamination.Probes"/> says why.</summary>
public sealed record MachineExaminer
{
    /// <summary>Root of the file tree to read (proc, sys, etc). Default "/"; tests give copies.</summary>
    public string Root { get; init; } = "/";

    /// <summary>How long one probe may take. Default 2 s; a driver that hangs is given up then.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Folder of an external libtorch. Default null: LATENTSYNC_LIBTORCH, else the one beside the program.</summary>
    public string? LibTorchFolder { get; init; }

    /// <summary>Name or path of NVIDIA's management library.</summary>
    public string NvmlLibrary { get; init; } = NvmlProbe.DefaultLibrary;

    /// <summary>Name or path of the CUDA driver library.</summary>
    public string CudaDriverLibrary { get; init; } = CudaDriverProbe.DefaultLibrary;

    /// <summary>Runs every probe.</summary>
    public MachineExamination Examine()
    {
        var runner = new ProbeRunner(Limit);
        string os = runner.Run("os", () => OperatingSystemProbe.Read(Root), "unknown", answer => answer);
        CpuInfo cpu = runner.Run("cpu", () => CpuProbe.Read(Root), UnknownCpu(), Describe);
        MemoryFacts? memory = runner.Run<MemoryFacts?>("memory", () => MemoryProbe.Read(Root), null, answer => FormattableString.Invariant($"{answer!.UsableBytes / 1e9:0.0} GB"));
        GpuFacts gpus = runner.Run("gpu", () => GpuProbe.Read(Root, NvmlLibrary, CudaDriverLibrary), new GpuFacts([], null, "unknown"), Describe);
        string? given = LibTorchFolder ?? PlatformSettings.FromEnvironment().LibTorchFolder;
        LibTorchInfo? torch = runner.Run("libtorch", () => LibTorchProbe.Read(LibTorchLocator.ForThisProcess(), given), null, Describe);
        LibStdCxxFacts? cxx = runner.Run("libstdcxx", LibStdCxxProbe.Read, null, answer => answer is null ? "not used here" : $"{answer.NewestVersion} ({answer.Path})");
        string? runtime = CudaArchitectures.CudaVersion(torch?.Flavor);
        CudaInfo? cuda = gpus.CudaDriver is null && runtime is null ? null : new CudaInfo(gpus.CudaDriver, runtime);
        var machine = new Machine(os, cpu, memory?.UsableBytes ?? 0, gpus.Gpus, cuda, torch);
        return new MachineExamination(machine, Environment.Version.ToString(), memory, cxx, runner.Outcomes);
    }

    private static CpuInfo UnknownCpu() => new("unknown", Environment.ProcessorCount, [], Elf.BinaryIdentity.ProcessArchitecture);

    private static string Describe(CpuInfo cpu) => FormattableString.Invariant($"{cpu.Name}, {cpu.Cores} usable core(s), {cpu.Isa.Count} instruction sets");

    private static string Describe(GpuFacts facts) => facts.Gpus.Count == 0 ? facts.Note : $"{string.Join(", ", facts.Gpus.Select(gpu => gpu.Name))}; {facts.Note}";

    private static string Describe(LibTorchInfo? torch) => torch is null ? "none found" : $"libtorch {torch.Version} ({torch.Flavor}) in {torch.Path}";
}
