using System.Globalization;
using System.Text.RegularExpressions;
using LatentSync.Attention.Machines;
using LatentSync.Compute;
using LatentSync.Foundation.Wording;
using LatentSync.Platform.LibTorch;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor.Machines;

/// <summary>A machine and what was assumed about it.</summary>
/// <param name="Machine">The machine.</param>
/// <param name="Assumptions">One sentence for each fact that was not given.</param>
/// <param name="Notes">What the choice of libtorch's build should be known for.</param>
public sealed record DescribedMachine(Machine Machine, IReadOnlyList<string> Assumptions, IReadOnlyList<string> Notes);

/// <summary>A machine in a user's words, as the command line's options give them. What is not said is assumed, and told.</summary>
public sealed partial record MachineDescription
{
    private const int AssumedCores = 8;
    private const long AssumedMemory = 32L << 30;
    private const int MostGpus = 64;
    private const int MostCores = 4096;
    private const double MostGigabytes = 1e6;
    private static readonly string[] AssumedIsa = ["sse4.2", "avx", "avx2", "fma"];
    private static readonly string[] AppleIsa = ["advsimd"];

    /// <summary>A machine file whose facts the others replace; null for none.</summary>
    public Machine? Base { get; init; }

    /// <summary>GPUs by name: "Tesla T4", "RTX 4090".</summary>
    public IReadOnlyList<string> Gpus { get; init; } = [];

    /// <summary>CUDA version of the driver, as nvidia-smi shows it: "11.7"; "none" for no driver.</summary>
    public string? Cuda { get; init; }

    /// <summary>Driver's version: "515.65".</summary>
    public string? Driver { get; init; }

    /// <summary>libtorch's version with or without its build: "2.5.1", "2.5.1+cu118", "2.10.0+cpu".</summary>
    public string? LibTorch { get; init; }

    /// <summary>The libtorch in a folder, already read; wins over <see cref="LibTorch"/>.</summary>
    public LibTorchInfo? LibTorchFound { get; init; }

    /// <summary>"Ubuntu 20.04", "Windows 11".</summary>
    public string? Os { get; init; }

    /// <summary>"AMD EPYC 7543, 16 cores, avx2 avx512f": name, cores and instruction sets, each of which may be missing.</summary>
    public string? Cpu { get; init; }

    /// <summary>Main memory: "64 GB", "512 MB", or a number of gigabytes.</summary>
    public string? Memory { get; init; }

    /// <summary>Nothing was said.</summary>
    public bool IsEmpty => Base is null && Gpus.Count == 0 && (Cuda ?? Driver ?? LibTorch ?? Os ?? Cpu ?? Memory) is null;

    /// <summary>The machine.</summary>
    /// <exception cref="MachineDescriptionException">Something that was said has no meaning.</exception>
    public DescribedMachine Describe()
    {
        List<string> assumed = [],
            notes = [];
        IReadOnlyList<GpuInfo> gpus = ReadGpus();
        AppleChip? chip = gpus.Select(gpu => AppleChip.Find(gpu.Name)).FirstOrDefault(found => found is not null);
        string os = ReadOs(assumed, chip);
        var system = new Machine(os, ReadCpu(assumed, chip), ReadMemory(assumed), gpus, null, null);
        string? driver = ReadCudaOfDriver();
        LibTorchInfo? torch = ReadLibTorch(system, driver, assumed, notes);
        string? runtime = torch is null ? null : LibTorchCatalog.Find(torch.Version, torch.Flavor)?.Cuda ?? CudaOfFlavor(torch.Flavor);
        bool isDriverGiven = Cuda is not null || Driver is not null || Base?.Cuda is not null;
        if (!isDriverGiven && runtime is not null && system.Gpus.Any(gpu => gpu.ComputeCapability is not null))
        {
            driver = runtime;
            assumed.Add(Say("assumed.driver"));
        }
        CudaInfo? cuda =
            driver is null && runtime is null
                ? null
                : new CudaInfo(driver, runtime) { CuDnn = LibTorch is null && LibTorchFound is null ? Base?.Cuda?.CuDnn : null };
        return new DescribedMachine(system with { Cuda = cuda, LibTorch = torch }, assumed, notes);
    }

    private string ReadOs(List<string> assumed, AppleChip? chip)
    {
        if (Os is null)
        {
            if (Base is not null)
            {
                return Base.Os;
            }
            assumed.Add(Say(chip is null ? "assumed.os" : "assumed.os.apple"));
            return chip is null ? "linux" : "macos";
        }
        string name = Text("⟦Os⟧", Os);
        OsFamily family = new Machine(name, AnyCpu(), 0, [], null, null).OsFamily;
        if (family == OsFamily.Other && !LinuxName().IsMatch(name))
        {
            throw new MachineDescriptionException(
                $"⟦Os⟧ \"{name}\": give Linux with its distribution, Windows or macOS, for instance \"Ubuntu 22.04\" or \"Windows 11\"."
            );
        }
        string prefix = family switch
        {
            OsFamily.Windows => "windows",
            OsFamily.MacOs => "macos",
            _ => "linux",
        };
        return name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? prefix + name[prefix.Length..] : $"{prefix} {name}";
    }

    private CpuInfo ReadCpu(List<string> assumed, AppleChip? chip)
    {
        if (Cpu is null)
        {
            if (Base is not null)
            {
                return Base.Cpu;
            }
            assumed.Add(chip is null ? Say("assumed.cpu") : Say("assumed.cpu.apple", chip.Cores));
            return chip is null ? AnyCpu() : new CpuInfo(chip.Name, chip.Cores, AppleIsa, "arm64");
        }
        string? name = null;
        int? cores = null;
        List<string> isa = [];
        foreach (string part in Text("⟦Cpu⟧", Cpu).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (CoresText().Match(part) is { Success: true } match)
            {
                cores =
                    int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
                    && count is >= 1 and <= MostCores
                        ? count
                        : throw new MachineDescriptionException($"⟦Cpu⟧: \"{part}\" is out of range; 1 to {MostCores} cores are possible.");
            }
            else if (part.Split(' ').All(word => IsaText().IsMatch(word)))
            {
                isa.AddRange(part.Split(' ').Select(word => word.ToLowerInvariant()));
            }
            else
            {
                name = name is null ? part : $"{name}, {part}";
            }
        }
        chip ??= name is null ? null : AppleChip.Find(name);
        if (isa.Count == 0)
        {
            isa.AddRange(chip is null ? AssumedIsa : AppleIsa);
        }
        return new CpuInfo(
            name ?? chip?.Name ?? AnyCpu().Name,
            cores ?? chip?.Cores ?? AssumedCores,
            isa,
            isa.Contains("advsimd") ? "arm64" : "x64"
        );
    }

    private static CpuInfo AnyCpu() => new("x64 processor", AssumedCores, AssumedIsa, "x64");

    private long ReadMemory(List<string> assumed)
    {
        if (Memory is null)
        {
            if (Base is not null)
            {
                return Base.MemoryBytes;
            }
            assumed.Add(Say("assumed.memory"));
            return AssumedMemory;
        }
        Match match = MemoryText().Match(Memory.Trim());
        double scale = match.Groups["unit"].Value.ToLowerInvariant() switch
        {
            "mb" or "m" => 1e6,
            "mib" or "mi" => 1 << 20,
            "gib" or "gi" => 1 << 30,
            "tb" or "t" => 1e12,
            "tib" => 1L << 40,
            _ => 1e9,
        };
        return
            match.Success
            && double.TryParse(
                match.Groups["number"].ValueSpan,
                NumberStyles.AllowDecimalPoint,
                CultureInfo.InvariantCulture,
                out double number
            )
            && number * scale is >= 1e6 and <= MostGigabytes * 1e9
            ? (long)(number * scale)
            : throw new MachineDescriptionException($"⟦Memory⟧ \"{Memory}\" is not an amount of memory; give for instance 16GB or 512MB.");
    }

    private IReadOnlyList<GpuInfo> ReadGpus()
    {
        string? driver = Driver is null ? null : Checked("⟦Driver⟧", Driver, VersionNumber(), "a driver's version such as 515.65");
        if (Gpus.Count == 0)
        {
            return Base is null ? []
                : driver is null ? Base.Gpus
                : [.. Base.Gpus.Select(gpu => gpu with { Driver = driver })];
        }
        if (Gpus.Count > MostGpus)
        {
            throw new MachineDescriptionException($"⟦Gpus⟧ is given {Gpus.Count} times; at most {MostGpus} GPUs are allowed.");
        }
        return Gpus.Count == 1 && Gpus[0].Trim().ToLowerInvariant() is "none" or "cpu"
            ? []
            : [.. Gpus.Select(name => NamedGpus.Find(Text("⟦Gpus⟧", name)) with { Driver = driver })];
    }

    /// <summary>The CUDA version the driver knows: said, else by the driver's version.</summary>
    private string? ReadCudaOfDriver()
    {
        string? byDriver = Driver is null ? null : CudaDrivers.CudaOf(Driver);
        if (Cuda is null)
        {
            return byDriver ?? Base?.Cuda?.Driver;
        }
        return Cuda.Trim().ToLowerInvariant() is "none"
            ? null
            : Checked("⟦Cuda⟧", Cuda, CudaNumber(), "a CUDA version such as 11.7, as nvidia-smi shows it, or none");
    }

    private LibTorchInfo? ReadLibTorch(Machine system, string? driver, List<string> assumed, List<string> notes)
    {
        if (LibTorchFound is not null)
        {
            return LibTorchFound;
        }
        if (LibTorch is null && Base is not null)
        {
            return Base.LibTorch;
        }
        string wanted = LibTorch ?? LibTorchRequirements.LibTorch;
        Match match = LibTorchText().Match(wanted.Trim());
        if (!match.Success)
        {
            throw new MachineDescriptionException(
                $"⟦LibTorch⟧ \"{wanted}\" is neither a folder nor a version; give a folder, or for instance 2.10.0, 2.5.1+cu118 or 2.10.0+cpu."
            );
        }
        string version = match.Groups["version"].Value,
            flavor = match.Groups["flavor"].Value;
        RefuseUnknown(wanted, version, flavor);
        bool wantsCpu = flavor == "cpu" || flavor.Length == 0 && !system.Gpus.Any(gpu => gpu.ComputeCapability is not null);
        LibTorchAnswer answer = LibTorchCatalog.Describe(
            version,
            wantsCpu ? "cpu" : CudaOfFlavor(flavor) ?? driver ?? PackagedCuda(version),
            system.OsFamily
        );
        // A build that was named stays.
        LibTorchInfo torch =
            flavor.Length == 0 || answer.LibTorch.Flavor == flavor ? answer.LibTorch : new LibTorchInfo(version, flavor, null, false, []);
        if (flavor.Length == 0)
        {
            notes.AddRange(answer.Notes.Select(note => note.ToString()));
        }
        string name = Say("libtorch.described", torch.Version, torch.Flavor);
        if (LibTorch is null)
        {
            assumed.Add(Say("assumed.libtorch", name));
        }
        else if (flavor.Length == 0)
        {
            assumed.Add(Say("assumed.flavor", name));
        }
        return torch;
    }

    /// <summary>What would be said about a libtorch that nobody knows would be worth nothing.</summary>
    private static void RefuseUnknown(string wanted, string version, string flavor)
    {
        IReadOnlyList<LibTorchBuild> builds = LibTorchCatalog.OfVersion(version);
        if (builds.Count == 0)
        {
            string known = string.Join(
                "; ",
                LibTorchCatalog
                    .Builds.GroupBy(build => build.Version)
                    .Select(group => $"{group.Key} ({string.Join(", ", group.Select(build => build.Flavor))})")
            );
            throw new MachineDescriptionException(
                $"⟦LibTorch⟧ \"{wanted}\": this version is not known. Known are {known}, each with +cpu too. A libtorch on disk can be given as a folder."
            );
        }
        if (CudaOfFlavor(flavor) is not null && builds.All(build => build.Flavor != flavor))
        {
            throw new MachineDescriptionException(
                $"⟦LibTorch⟧ \"{wanted}\": this build is not known. Of libtorch {version} there are {string.Join(", ", builds.Select(build => build.Flavor))} and cpu."
            );
        }
    }

    /// <summary>TorchSharp's CUDA packages bring this build; of other versions the newest is assumed.</summary>
    private static string? PackagedCuda(string version) =>
        version == LibTorchRequirements.LibTorch ? CudaOfFlavor(LibTorchAdvice.PackagedFlavor) : null;

    /// <summary>"11.8" of "cu118"; null for other builds.</summary>
    private static string? CudaOfFlavor(string flavor) => CudaFlavor().IsMatch(flavor) ? $"{flavor[2..^1]}.{flavor[^1]}" : null;

    private static string Text(string option, string value)
    {
        string text = value.Trim();
        return text.Length is >= 1 and <= MachineFile.LongestText && !text.Any(char.IsControl)
            ? text
            : throw new MachineDescriptionException($"{option}: 1 to {MachineFile.LongestText} printable characters are expected.");
    }

    private static string Checked(string option, string value, Regex form, Sentence expected) =>
        form.IsMatch(value.Trim()) ? value.Trim() : throw new MachineDescriptionException($"{option} \"{value}\" is not {expected}.");

    [GeneratedRegex(@"^\d{1,2}\.\d{1,2}$")]
    private static partial Regex CudaNumber();

    [GeneratedRegex(@"^\d{2,4}(\.\d{1,4}){1,3}$")]
    private static partial Regex VersionNumber();

    [GeneratedRegex(@"^(?<version>\d{1,2}\.\d{1,3}(\.\d{1,3})?)(\+(?<flavor>cpu|cu\d{3}|rocm[\d.]+))?$")]
    private static partial Regex LibTorchText();

    [GeneratedRegex(@"^cu\d{3}$")]
    private static partial Regex CudaFlavor();

    [GeneratedRegex(@"^(\d+)\s*(cores?|threads?|cpus?)$", RegexOptions.IgnoreCase)]
    private static partial Regex CoresText();

    [GeneratedRegex(@"^(sse4\.2|avx|avx2|fma|f16c|avx512\w+|avxvnni|amx\w+|advsimd|neon|dp|rdm)$", RegexOptions.IgnoreCase)]
    private static partial Regex IsaText();

    [GeneratedRegex(@"^(?<number>\d{1,7}(\.\d{1,3})?)\s*(?<unit>[MGT]i?B?)?$", RegexOptions.IgnoreCase)]
    private static partial Regex MemoryText();

    [GeneratedRegex(@"centos|red hat|rhel|rocky|alma|fedora|suse|arch|alpine|amazon|mint|gentoo|wsl|jetson|l4t", RegexOptions.IgnoreCase)]
    private static partial Regex LinuxName();
}
