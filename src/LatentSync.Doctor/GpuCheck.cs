using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Compute;
using LatentSync.Doctor.Layers;
using LatentSync.Doctor.Machines;
using LatentSync.Platform.Machines;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor;

/// <summary>The check of the GPUs: which one computes, or why none does.</summary>
internal static class GpuCheck
{
    private const string Name = "gpu";

    /// <summary>The check of a machine that was found.</summary>
    /// <param name="found">The examination.</param>
    /// <param name="loaded">libtorch after loading; null when it did not load.</param>
    public static DoctorCheck OfFound(MachineExamination found, TorchFinding? loaded)
    {
        ProbeOutcome probe = found.Probe(Name);
        if (!probe.Succeeded)
        {
            return DoctorCheck.Warning(Name, Say("gpu.unknown", probe.Detail), SayEach("gpu.unknown.do"));
        }
        if (found.Machine.Gpus.Count == 0)
        {
            string note = found.Gpus is { Note: var text and not "none found" } ? text : Say("gpu.noneFound");
            string message = Say("gpu.none", note);
            return found.Gpus is { HasIdleNvidia: true }
                ? DoctorCheck.Warning(Name, message, SayEach("gpu.driverMissing.do"))
                : DoctorCheck.Ok(Name, message);
        }
        DoctorCheck check = Of(found.Machine, loaded is { HasCuda: true } ? true : null);
        return check.Status == DoctorStatus.Ok && loaded is { HasCuda: false } && Usable(found.Machine) is { } gpu
            ? DoctorCheck.Warning(
                Name,
                Say("gpu.notSeen", Describe(found.Machine, gpu), TorchName(found.Machine.LibTorch!)),
                SayEach("gpu.notSeen.do")
            )
            : check;
    }

    /// <summary>The check of any machine, by the rules alone.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="seesCuda">True when libtorch, loaded, sees CUDA.</param>
    public static DoctorCheck Of(Machine machine, bool? seesCuda = null)
    {
        if (machine.Gpus.Count == 0)
        {
            return DoctorCheck.Ok(Name, Say("gpu.noneDescribed"));
        }
        string more = machine.Gpus.Count > 1 ? Say("gpu.more", machine.Gpus.Count) : "";
        if (Usable(machine, seesCuda) is { } usable)
        {
            return DoctorCheck.Ok(Name, Describe(machine, usable) + more);
        }
        GpuInfo gpu = machine.Gpus.FirstOrDefault(candidate => candidate.ComputeCapability is not null) ?? machine.Gpus[0];
        string name = Describe(machine, gpu) + more;
        return DeviceChoice.ObstacleOf(machine, gpu, seesCuda) switch
        {
            GpuObstacle.NotNvidia => gpu.Maker switch
            {
                OtherGpus.Apple => DoctorCheck.Ok(Name, Say("gpu.apple", gpu.Name)),
                OtherGpus.Amd => DoctorCheck.Warning(Name, Say("gpu.amd", gpu.Name), SayEach("gpu.other.do")),
                OtherGpus.Intel => DoctorCheck.Warning(Name, Say("gpu.intel", gpu.Name), SayEach("gpu.other.do")),
                _ => DoctorCheck.Warning(Name, Say("gpu.other", gpu.Name), SayEach("gpu.other.do")),
            },
            GpuObstacle.CpuBuild => DoctorCheck.Warning(
                Name,
                Say("gpu.cpuBuild", name, machine.LibTorch!.Version),
                SayEach("gpu.cpuBuild.do", machine.LibTorch.Version)
            ),
            GpuObstacle.NoCode => DoctorCheck.Warning(
                Name,
                Say("gpu.noCode", name, TorchName(machine.LibTorch!), string.Join(", ", machine.LibTorch!.Architectures)),
                NoCodeRemedy(machine, gpu)
            ),
            GpuObstacle.NoDriver => DoctorCheck.Warning(
                Name,
                Say("gpu.noDriver", name),
                SayEach("gpu.noDriver.do", CudaDrivers.OldestFor(machine.Cuda!.Runtime!, gpu.ComputeCapability))
            ),
            GpuObstacle.OldDriver when machine.Cuda is { Driver: { } driver, Runtime: { } runtime } => DoctorCheck.Warning(
                Name,
                Say("gpu.oldDriver", name, driver, runtime),
                SayEach("gpu.oldDriver.do", runtime, CudaDrivers.OldestFor(runtime, gpu.ComputeCapability), Major(driver))
            ),
            GpuObstacle.OldDriverForGpu when CudaDrivers.LeastFor(gpu.ComputeCapability) is { } least => DoctorCheck.Warning(
                Name,
                Say("gpu.oldDriverForGpu", name, machine.Cuda?.Driver, least),
                SayEach("gpu.oldDriverForGpu.do", CudaDrivers.FirstWith(least), least)
            ),
            _ => DoctorCheck.Warning(Name, Say("gpu.noTorch", name), SayEach("gpu.noTorch.do")),
        };
    }

    /// <summary>The check of the GPU's memory; null when the networks fit, or none computes.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="survey">What runs on it.</param>
    public static DoctorCheck? Memory(Machine machine, LayerSurvey survey)
    {
        NetworkMemory small = survey.Memory[0];
        if (survey.Device.Kind != AttentionDeviceKind.Cuda || small.Fits && !survey.IsHalfAdvised)
        {
            return null;
        }
        GpuInfo gpu = machine.Gpus[survey.Device.Index];
        AttentionDType usual = survey.IsHalfAdvised ? AttentionDType.Float32 : survey.DType;
        string needed = ByteText.Of(LayerSurveyor.NeededBytes(small.Resolution, usual));
        string message = Say("memory.gpu", needed, usual.LongName(), gpu.Name, ByteText.Of(small.AvailableBytes!.Value));
        return DoctorCheck.Warning("gpu memory", message, SayEach(survey.IsHalfAdvised ? "memory.gpu.do32" : "memory.gpu.do16"));
    }

    /// <summary>Cards of the GTX 16 series give NaN in float16, which is a black picture.</summary>
    public static bool GivesBlackPictures(GpuInfo gpu) => gpu.Name.Contains("GTX 16", StringComparison.OrdinalIgnoreCase);

    /// <summary>"2.10.0+cu128".</summary>
    public static string TorchName(LibTorchInfo torch) => Say("libtorch.described", torch.Version, torch.Flavor);

    private static GpuInfo? Usable(Machine machine, bool? seesCuda = null) =>
        machine.Gpus.FirstOrDefault(gpu => DeviceChoice.ObstacleOf(machine, gpu, seesCuda) is null);

    private static IReadOnlyList<string> NoCodeRemedy(Machine machine, GpuInfo gpu)
    {
        if (LibTorchAdvice.BuildFor(gpu, machine.OsFamily) is not { } build)
        {
            return SayEach("gpu.noCode.cpu");
        }
        LayerSurvey survey = LayerSurveyor.Survey(LibTorchAdvice.With(machine, build));
        return SayEach("gpu.noCode.do", build, string.Join(" + ", DoctorVerdict.Backends(survey)));
    }

    private static string Describe(Machine machine, GpuInfo gpu)
    {
        if (gpu.ComputeCapability is null)
        {
            return gpu.Name;
        }
        string driver =
            gpu.Driver is { } version ? Say("gpu.driver", version)
            : machine.Cuda?.Driver is { } cuda ? Say("gpu.driverForCuda", cuda)
            : DeviceChoice.ObstacleOf(machine, gpu) == GpuObstacle.NoDriver ? Say("gpu.driverNone")
            : Say("gpu.driverUnknown");
        string slice = gpu.MigProfile is { } profile ? Say("gpu.mig", profile) : "";
        return gpu.FreeBytes is { } free
            ? Say("gpu.nameFree", gpu.Name, gpu.ComputeCapability, ByteText.Of(gpu.MemoryBytes) + slice, driver, ByteText.Of(free))
            : Say("gpu.name", gpu.Name, gpu.ComputeCapability, ByteText.Of(gpu.MemoryBytes) + slice, driver);
    }

    private static string Major(string version) => version.Split('.')[0];
}
