using LatentSync.Attention.Selection;
using LatentSync.Platform.LibTorch;

namespace LatentSync.Platform.Machines;

/// <summary>Examines this machine without loading libtorch. No probe can fail the whole: what could not be read is unknown, and
/// <see cref="MachineExamination.Probes"/> says why.</summary>
public sealed record MachineExaminer
{
    /// <summary>Root of the file tree to read (proc, sys, etc). Default "/"; tests give copies.</summary>
    public string Root { get; init; } = "/";

    /// <summary>How long one probe may take. Default 5 s; a driver that hangs is given up then.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(5);

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
        string? given = LibTorchFolder ?? PlatformSettings.FromEnvironment().LibTorchFolder;
        Func<string> takeOs = runner.Start("os", () => OperatingSystemProbe.Read(Root), "unknown", answer => answer);
        Func<CpuInfo> takeCpu = runner.Start("cpu", () => CpuProbe.Read(Root), UnknownCpu(), Describe);
        Func<MemoryFacts?> takeMemory = runner.Start<MemoryFacts?>("memory", () => MemoryProbe.Read(Root), null, Describe);
        Func<GpuFacts> takeGpus = runner.Start("gpu", () => GpuProbe.Read(Root, NvmlLibrary, CudaDriverLibrary), new GpuFacts([], null, "unknown"), Describe);
        Func<LibTorchInfo?> takeTorch = runner.Start("libtorch", () => LibTorchProbe.Read(LibTorchLocator.ForThisProcess(), given), null, Describe);
        Func<LibStdCxxFacts?> takeCxx = runner.Start("libstdcxx", LibStdCxxProbe.Read, null, Describe);

        string os = takeOs();
        CpuInfo cpu = takeCpu();
        MemoryFacts? memory = takeMemory();
        GpuFacts gpus = takeGpus();
        LibTorchInfo? torch = takeTorch();
        LibStdCxxFacts? cxx = takeCxx();
        string? runtime = CudaArchitectures.CudaVersion(torch?.Flavor);
        CudaInfo? cuda = gpus.CudaDriver is null && runtime is null ? null : new CudaInfo(gpus.CudaDriver, runtime);
        var machine = new Machine(os, cpu, memory?.UsableBytes ?? 0, gpus.Gpus, cuda, torch);
        return new MachineExamination(machine, Environment.Version.ToString(), memory, cxx, runner.Outcomes);
    }

    private static CpuInfo UnknownCpu() => new("unknown", Environment.ProcessorCount, [], Elf.BinaryIdentity.ProcessArchitecture);

    private static string Describe(MemoryFacts? memory) => FormattableString.Invariant($"{memory!.UsableBytes / 1e9:0.0} GB");

    private static string Describe(LibStdCxxFacts? cxx) => cxx is null ? "not used here" : $"{cxx.NewestVersion} ({cxx.Path})";

    private static string Describe(CpuInfo cpu) => FormattableString.Invariant($"{cpu.Name}, {cpu.Cores} usable core(s), {cpu.Isa.Count} instruction sets");

    private static string Describe(GpuFacts facts) => facts.Gpus.Count == 0 ? facts.Note : $"{string.Join(", ", facts.Gpus.Select(gpu => gpu.Name))}; {facts.Note}";

    private static string Describe(LibTorchInfo? torch) => torch is null ? "none found" : $"libtorch {torch.Version} ({torch.Flavor}) in {torch.Path}";
}
