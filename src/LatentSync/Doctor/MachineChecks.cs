using System.Globalization;
using LatentSync.Attention.Selection;
using LatentSync.Platform.Machines;

namespace LatentSync.Doctor;

/// <summary>The checks that need only what was read from the machine.</summary>
internal static class MachineChecks
{
    private static readonly string[] FastCpuSets = ["avx512f", "avx2", "advsimd"];

    public static IEnumerable<DoctorCheck> Of(MachineExamination found, TorchFinding? torch)
    {
        yield return DotNet(found);
        yield return OperatingSystem(found);
        yield return Cpu(found);
        yield return Memory(found);
        yield return Gpu(found, torch);
    }

    private static DoctorCheck DotNet(MachineExamination found) =>
        Version.TryParse(found.DotNet, out Version? version) && version.Major >= 10
            ? DoctorCheck.Ok("dotnet", $".NET {found.DotNet}")
            : DoctorCheck.Error("dotnet", $".NET {found.DotNet} runs this program, which is built for .NET 10.", "install the .NET 10 runtime");

    private static DoctorCheck OperatingSystem(MachineExamination found) =>
        found.Probe("os") is { Succeeded: false } failed
            ? DoctorCheck.Warning("os", $"The operating system is {failed.Detail}.", "none needed unless something else fails")
            : DoctorCheck.Ok("os", found.Machine.Os);

    private static DoctorCheck Cpu(MachineExamination found)
    {
        CpuInfo cpu = found.Machine.Cpu;
        string? best = FastCpuSets.FirstOrDefault(cpu.Isa.Contains);
        string text = string.Create(CultureInfo.InvariantCulture, $"{cpu.Name}, {cpu.Cores} usable core(s), {cpu.Architecture}");
        return best is null
            ? DoctorCheck.Warning("cpu", $"{text}: .NET may use neither AVX2 nor NEON here, so computing is many times slower.", "use a processor of 2013 or later, and do not set DOTNET_EnableAVX2=0")
            : DoctorCheck.Ok("cpu", $"{text}, {string.Join(" ", cpu.Isa.Where(set => set == best || set.EndsWith("bf16", StringComparison.Ordinal)))}");
    }

    private static DoctorCheck Memory(MachineExamination found)
    {
        if (found.Memory is not { } memory)
        {
            return DoctorCheck.Warning("memory", $"The size of the memory is {found.Probe("memory").Detail}.", "make sure that about 12 GB are free for the real model");
        }
        string size = string.Create(CultureInfo.InvariantCulture, $"{memory.UsableBytes / 1e9:0.0} GB usable");
        string free = memory.AvailableBytes is { } available ? string.Create(CultureInfo.InvariantCulture, $", {available / 1e9:0.0} GB free") : "";
        return memory.UsableBytes >= DoctorOptions.RealModelBytes
            ? DoctorCheck.Ok("memory", size + free)
            : DoctorCheck.Warning(
                "memory",
                $"{size}{free}: the real 256-pixel model takes about 12 GB in float32.",
                "use --dtype bf16 (about half), give the container more memory, or close other programs; small checkpoints such as the demo's run"
            );
    }

    private static DoctorCheck Gpu(MachineExamination found, TorchFinding? loaded)
    {
        Machine machine = found.Machine;
        GpuInfo? nvidia = machine.Gpus.FirstOrDefault(gpu => gpu.ComputeCapability is not null);
        if (nvidia is null)
        {
            return machine.Gpus.Count == 0
                ? DoctorCheck.Ok("gpu", $"No GPU in use ({found.Probe("gpu").Detail}): everything runs on the processor.")
                : DoctorCheck.Warning("gpu", $"{machine.Gpus[0].Name} cannot be used by this libtorch: everything runs on the processor.", "give a libtorch built for it by --libtorch or LATENTSYNC_LIBTORCH");
        }
        string name = string.Create(CultureInfo.InvariantCulture, $"{nvidia.Name} (compute capability {nvidia.ComputeCapability}, {nvidia.MemoryBytes / 1e9:0.0} GB, driver {nvidia.Driver ?? "unknown"})");
        if (machine.LibTorch is not { } torch)
        {
            return DoctorCheck.Warning("gpu", $"{name} is present, but there is no libtorch to use it.", "see the check of libtorch");
        }
        if (torch.Flavor == "cpu")
        {
            return DoctorCheck.Warning(
                "gpu",
                $"{name} is present, but this libtorch ({torch.Version}) is the CPU build.",
                $"point LATENTSYNC_LIBTORCH or --libtorch at the torch/lib folder of a Python install with CUDA (pip install torch=={torch.Version}), or build with -p:LibTorchFlavor=cuda"
            );
        }
        if (torch.Architectures.Count > 0 && !torch.Architectures.Any(built => RunsOn(built, nvidia.ComputeCapability!)))
        {
            return DoctorCheck.Warning(
                "gpu",
                $"{name} cannot run this libtorch ({torch.Version}+{torch.Flavor}), which holds code for {string.Join(", ", torch.Architectures)} only: kernels would fail with \"no kernel image is available\".",
                "use a libtorch built for this GPU (the cu126 build reaches back to 5.0), or --device cpu"
            );
        }
        if (machine.Cuda is { Driver: { } driver, Runtime: { } runtime } && Version.Parse(driver).Major < Version.Parse(runtime).Major)
        {
            return DoctorCheck.Warning("gpu", $"{name}: the driver supports CUDA {driver}, but this libtorch needs {runtime}.", $"install a driver for CUDA {runtime}, or a libtorch built for CUDA {driver}");
        }
        return loaded is { HasCuda: false }
            ? DoctorCheck.Warning(
                "gpu",
                $"{name}: this libtorch ({torch.Version}+{torch.Flavor}) itself finds no CUDA device it can use.",
                "look at CUDA_VISIBLE_DEVICES and, in a container, at --gpus; then at nvidia-smi"
            )
            : DoctorCheck.Ok("gpu", name);
    }

    /// <summary>Code for X.y runs on X.z with z at least y.</summary>
    internal static bool RunsOn(string built, string gpu) =>
        Version.TryParse(built, out Version? code) && Version.TryParse(gpu, out Version? device) && code.Major == device.Major && device.Minor >= code.Minor;
}
