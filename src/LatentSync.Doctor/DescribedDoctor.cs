using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Compute;
using LatentSync.Doctor.Estimates;
using LatentSync.Doctor.Layers;
using LatentSync.Doctor.Machines;
using LatentSync.Platform.LibTorch;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor;

/// <summary>Examines a machine that was described: what would run there, by the rules alone.</summary>
public static class DescribedDoctor
{
    /// <summary>The report.</summary>
    /// <param name="described">The machine and what was assumed about it.</param>
    public static DoctorReport Examine(DescribedMachine described)
    {
        ArgumentNullException.ThrowIfNull(described);
        Machine machine = described.Machine;
        // Judged by what is usable, shown as it is sold.
        LayerSurvey survey = LayerSurveyor.Survey(machine with { Gpus = [.. machine.Gpus.Select(NamedGpus.Usable)] });
        List<DoctorCheck> checks = [OperatingSystem(machine), MachineChecks.Cpu(machine.Cpu)];
        if (machine.MemoryBytes > 0)
        {
            // Only where the processor computes does main memory have to hold the networks.
            checks.Add(
                survey.Device.Kind == AttentionDeviceKind.Cpu || !survey.FitsDevice
                    ? MachineChecks.Memory(machine.MemoryBytes, null)
                    : DoctorCheck.Ok("memory", Say("memory.usable", ByteText.Of(machine.MemoryBytes)))
            );
        }
        checks.Add(GpuCheck.Of(machine));
        if (GpuCheck.Memory(machine, survey) is { } tooSmall)
        {
            checks.Add(tooSmall);
        }
        checks.Add(LibTorch(machine));
        IReadOnlyList<BackendStatus> backends = BackendStatus.Of(survey);
        checks.Add(DoctorService.Attention(backends));
        return new DoctorReport(MachineReport.Of(machine), backends, checks)
        {
            IsDescribed = true,
            Survey = survey,
            Estimate = SyncEstimator.Calculated(machine, survey),
            VectorPath = VectorPath.Of(machine.Cpu),
            Assumptions = [.. described.Assumptions, .. AsSold(machine, survey), .. DoctorAssumptions.Of(machine, survey)],
            Notes = described.Notes,
            Suggestions = [.. DoctorSuggestions.Of(machine, survey)],
        };
    }

    /// <summary>Another version of libtorch than the one that TorchSharp was built against; false without one.</summary>
    internal static bool IsOtherVersion(string? libtorch) =>
        libtorch is not null
        && (
            Versions.Parse(libtorch) is not { } version
            || Versions.Parse(LibTorchRequirements.LibTorch) is { } expected
                && (version.Major, version.Minor) != (expected.Major, expected.Minor)
        );

    private static IEnumerable<string> AsSold(Machine machine, LayerSurvey survey) =>
        survey.Device.Kind == AttentionDeviceKind.Cuda
        && NamedGpus.Usable(machine.Gpus[survey.Device.Index]) is var usable
        && usable != machine.Gpus[survey.Device.Index]
            ? [Say("assumed.asSold", ByteText.Of(usable.MemoryBytes))]
            : [];

    private static DoctorCheck OperatingSystem(Machine machine)
    {
        if (SystemLibraries.Of(machine) is not { } system)
        {
            return DoctorCheck.Ok("os", OsName(machine));
        }
        if (system.Glibc is not { } glibc || system.Glibcxx is not { } glibcxx)
        {
            return DoctorCheck.Error("os", Say("os.musl", OsName(machine)), SayEach("os.musl.do"));
        }
        return glibc < LibTorchRequirements.Glibc || glibcxx < LibTorchRequirements.Glibcxx
            ? DoctorCheck.Error(
                "os",
                Say("os.tooOld", OsName(machine), glibc, glibcxx, LibTorchRequirements.Glibc, LibTorchRequirements.Glibcxx),
                SayEach("os.tooOld.do")
            )
            : DoctorCheck.Ok("os", OsName(machine));
    }

    /// <summary>"Ubuntu 20.04" of "linux Ubuntu 20.04".</summary>
    private static string OsName(Machine machine)
    {
        int space = machine.Os.IndexOf(' ', StringComparison.Ordinal);
        return space < 0 || machine.OsFamily == OsFamily.Other ? machine.Os
            : machine.OsFamily == OsFamily.Linux ? machine.Os[(space + 1)..]
            : char.ToUpperInvariant(machine.Os[0]) + machine.Os[1..];
    }

    private static DoctorCheck LibTorch(Machine machine)
    {
        if (machine.LibTorch is not { } torch)
        {
            return DoctorCheck.Error("libtorch", Say("libtorch.none"), SayEach("libtorch.none.do"));
        }
        string name = GpuCheck.TorchName(torch);
        if (IsOtherVersion(torch.Version))
        {
            string message = Say("libtorch.other", name, LibTorchRequirements.TorchSharp, LibTorchRequirements.LibTorch);
            bool isSaidAlready = machine.Gpus.Any(gpu => DeviceChoice.ObstacleOf(machine, gpu) == GpuObstacle.NoCode); // by the check of the GPU
            return new DoctorCheck("libtorch", DoctorStatus.Warning, message, isSaidAlready ? [] : [RightLibTorch(machine)]);
        }
        return DoctorCheck.Ok(
            "libtorch",
            LibTorchCatalog.HasFlashAttention(machine) == false && torch.Flavor != "cpu" ? Say("libtorch.noFlash", name) : name
        );
    }

    /// <summary>The build of the right version for the machine's GPU, and the driver it needs when the machine's is too old for
    /// it.</summary>
    private static string RightLibTorch(Machine machine)
    {
        GpuInfo? gpu = machine.Gpus.FirstOrDefault(candidate => candidate.ComputeCapability is not null);
        string build = gpu is null
            ? $"{LibTorchRequirements.LibTorch}+cpu"
            : LibTorchAdvice.BuildFor(gpu, machine.OsFamily) ?? $"{LibTorchRequirements.LibTorch}+cpu";
        string[] parts = build.Split('+');
        return
            LibTorchCatalog.Find(parts[0], parts[1]) is { } known
            && Versions.Parse(machine.Cuda?.Driver)?.Major < Versions.Parse(known.Cuda)!.Major
            ? Say("libtorch.other.driver", build, CudaDrivers.OldestFor(known.Cuda))
            : Say("libtorch.other.do", build);
    }
}
