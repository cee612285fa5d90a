using LatentSync.Attention.Machines;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Loading;

namespace LatentSync.Platform.Machines;

/// <summary>Examines this machine without loading libtorch. No probe can fail the whole: what could not be read is unknown, and
/// <see cref="MachineExamination.Probes"/> says why.</summary>
public sealed record MachineExaminer
{
    /// <summary>Root of the file tree to read (proc, sys, etc). Default "/"; tests give copies.</summary>
    public string Root { get; init; } = "/";

    /// <summary>How long one probe may take. Default 5 s; a driver that hangs is given up then.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long all probes may take together. Default 6 s.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>Folder of an external libtorch. Default null: LATENTSYNC_LIBTORCH, else the one beside the program.</summary>
    public string? LibTorchFolder { get; init; }

    /// <summary>Name or path of NVIDIA's management library.</summary>
    public string NvmlLibrary { get; init; } = NvmlProbe.DefaultLibrary;

    /// <summary>Name or path of the CUDA driver library.</summary>
    public string CudaDriverLibrary { get; init; } = CudaDriverProbe.DefaultLibrary;

    /// <summary>Runs every probe.</summary>
    public MachineExamination Examine()
    {
        var runner = new ProbeRunner(Limit, Deadline);
        PlatformSettings settings = PlatformSettings.FromEnvironment();
        string? given = LibTorchFolder ?? settings.LibTorchFolder;
        Func<string> takeOs = runner.Start("os", () => OperatingSystemProbe.Read(Root), "unknown", answer => answer);
        Func<KernelFacts?> takeKernel = runner.Start<KernelFacts?>("kernel", () => KernelProbe.Read(Root), null, Describe);
        Func<CpuInfo> takeCpu = runner.Start("cpu", () => CpuProbe.Read(Root), UnknownCpu(), Describe);
        Func<double?> takeLoad = runner.Start<double?>(
            "load",
            () => CpuProbe.Load(Root),
            null,
            load => load is { } value ? FormattableString.Invariant($"{value:0.0}") : "not told by this system"
        );
        Func<MemoryFacts?> takeMemory = runner.Start<MemoryFacts?>("memory", () => MemoryProbe.Read(Root), null, Describe);
        Func<GpuFacts> takeGpus = runner.Start(
            "gpu",
            () => GpuProbe.Read(Root, NvmlLibrary, CudaDriverLibrary),
            new GpuFacts([], null, "unknown"),
            Describe
        );
        Func<CudaLibraryFacts?> takeCuda = runner.Start<CudaLibraryFacts?>(
            "cuda",
            () => CudaLibraryProbe.Read(Root, LibTorchProbe.Folder(given), settings.LibraryPath, MappedLibraries.Read()),
            null,
            Describe
        );
        Func<LibTorchInfo?> takeTorch = runner.Start(
            "libtorch",
            () => LibTorchProbe.Read(LibTorchLocator.ForThisProcess(), given),
            null,
            Describe
        );
        Func<LibStdCxxFacts?> takeCxx = runner.Start("libstdcxx", LibStdCxxProbe.Read, null, Describe);

        string os = takeOs();
        KernelFacts? kernel = takeKernel();
        CpuInfo cpu = takeCpu();
        double? load = takeLoad();
        MemoryFacts? memory = takeMemory();
        GpuFacts gpus = takeGpus();
        CudaLibraryFacts? libraries = takeCuda();
        LibTorchInfo? torch = takeTorch();
        LibStdCxxFacts? cxx = takeCxx();
        CudaInfo? cuda = Cuda(gpus, torch, libraries);
        var machine = new Machine(os, cpu, memory?.UsableBytes ?? 0, gpus.Gpus, cuda, torch);
        return new MachineExamination(machine, Environment.Version.ToString(), memory, cxx, runner.Outcomes)
        {
            Kernel = kernel,
            Load = load,
            Gpus = gpus,
            CudaLibraries = libraries,
            Milliseconds = Math.Round(runner.Elapsed.TotalMilliseconds, 1),
        };
    }

    /// <summary>libtorch's flavour names the CUDA it was built for; where it does not ("cuda"), the runtime beside it does.</summary>
    private static CudaInfo? Cuda(GpuFacts gpus, LibTorchInfo? torch, CudaLibraryFacts? libraries)
    {
        string? runtime = CudaArchitectures.CudaVersion(torch?.Flavor);
        bool hasCuda = torch?.Flavor is not (null or "cpu" or "rocm");
        if (runtime is null && torch?.Flavor == "cuda" && Version.TryParse(libraries?.RuntimeVersion, out Version? beside))
        {
            runtime = FormattableString.Invariant($"{beside.Major}.{beside.Minor}");
        }
        // A cuDNN somewhere on the system is of no use to a CPU build.
        string? cudnn = hasCuda ? libraries?.CuDnnVersion : null;
        return gpus.CudaDriver is null && runtime is null && cudnn is null
            ? null
            : new CudaInfo(gpus.CudaDriver, runtime) { CuDnn = cudnn };
    }

    private static CpuInfo UnknownCpu() => new("unknown", Environment.ProcessorCount, [], Elf.BinaryIdentity.ProcessArchitecture);

    private static string Describe(MemoryFacts? memory) => FormattableString.Invariant($"{memory!.UsableBytes / 1e9:0.0} GB");

    private static string Describe(LibStdCxxFacts? cxx) => cxx is null ? "not used here" : $"{cxx.NewestVersion} ({cxx.Path})";

    private static string Describe(KernelFacts? kernel) => kernel!.Glibc is null ? kernel.Kernel : $"{kernel.Kernel}, glibc {kernel.Glibc}";

    private static string Describe(CudaLibraryFacts? facts) =>
        $"runtime {(facts!.RuntimePath is null ? "not found" : $"{facts.RuntimeVersion ?? "of unknown version"} ({facts.RuntimePath})")}, "
        + $"cuDNN {(facts.CuDnnPath is null ? "not found" : $"{facts.CuDnnVersion ?? "of unknown version"} ({facts.CuDnnPath})")}";

    private static string Describe(CpuInfo cpu) =>
        FormattableString.Invariant($"{cpu.Name}, {cpu.Cores} usable core(s), {cpu.Isa.Count} instruction sets");

    private static string Describe(GpuFacts facts) =>
        facts.Gpus.Count == 0 ? facts.Note : $"{string.Join(", ", facts.Gpus.Select(gpu => gpu.Name))}; {facts.Note}";

    private static string Describe(LibTorchInfo? torch) =>
        torch is null ? "none found" : $"libtorch {torch.Version} ({torch.Flavor}) in {torch.Path}";
}
