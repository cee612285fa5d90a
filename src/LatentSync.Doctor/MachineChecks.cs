using LatentSync.Attention.Machines;
using LatentSync.Platform.Machines;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor;

/// <summary>The checks that need only what was read from the machine.</summary>
internal static class MachineChecks
{
    private static readonly string[] FastCpuSets = ["avx512f", "avx2", "advsimd"];

    public static IEnumerable<DoctorCheck> Of(MachineExamination found, TorchFinding? torch)
    {
        yield return DotNet(found);
        yield return OperatingSystem(found);
        yield return Cpu(found.Machine.Cpu);
        yield return Memory(found);
        yield return GpuCheck.OfFound(found, torch);
    }

    /// <summary>The check of a processor, found or described.</summary>
    public static DoctorCheck Cpu(CpuInfo cpu)
    {
        string? best = FastCpuSets.FirstOrDefault(cpu.Isa.Contains);
        return best is null
            ? DoctorCheck.Warning("cpu", Say("cpu.slow", cpu.Name, cpu.Cores, cpu.Architecture), SayEach("cpu.slow.do"))
            : DoctorCheck.Ok(
                "cpu",
                Say(
                    "cpu.ok",
                    cpu.Name,
                    cpu.Cores,
                    cpu.Architecture,
                    string.Join(" ", cpu.Isa.Where(set => set == best || set.EndsWith("bf16", StringComparison.Ordinal)))
                )
            );
    }

    /// <summary>The check of the main memory.</summary>
    /// <param name="usableBytes">What this process may use.</param>
    /// <param name="freeBytes">What is free; null when unknown.</param>
    public static DoctorCheck Memory(long usableBytes, long? freeBytes)
    {
        string size = Say("memory.usable", ByteText.Of(usableBytes)) + (freeBytes is { } free ? Say("memory.free", ByteText.Of(free)) : "");
        return usableBytes >= DoctorOptions.RealModelBytes
            ? DoctorCheck.Ok("memory", size)
            : DoctorCheck.Warning("memory", Say("memory.small", size), SayEach("memory.small.do"));
    }

    private static DoctorCheck DotNet(MachineExamination found) =>
        Version.TryParse(found.DotNet, out Version? version) && version.Major >= 10
            ? DoctorCheck.Ok("dotnet", Say("dotnet.ok", found.DotNet))
            : DoctorCheck.Error("dotnet", Say("dotnet.old", found.DotNet), SayEach("dotnet.old.do"));

    private static DoctorCheck OperatingSystem(MachineExamination found)
    {
        if (found.Probe("os") is { Succeeded: false } failed)
        {
            return DoctorCheck.Warning("os", Say("os.unknown", failed.Detail), SayEach("os.unknown.do"));
        }
        string name = found.Kernel is { } kernel ? $"{found.Machine.Os}, {kernel.Kernel}" : found.Machine.Os;
        return DoctorCheck.Ok("os", found.Kernel is { IsWsl: true } ? Say("os.wsl", name) : name);
    }

    private static DoctorCheck Memory(MachineExamination found) =>
        found.Memory is { } memory
            ? Memory(memory.UsableBytes, memory.AvailableBytes)
            : DoctorCheck.Warning("memory", Say("memory.unknown", found.Probe("memory").Detail), SayEach("memory.unknown.do"));
}
