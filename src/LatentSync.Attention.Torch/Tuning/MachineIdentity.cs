using System.Globalization;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Wording;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Torch.Tuning;

/// <summary>What a measured ranking is good for: where any of this changes, times change.</summary>
/// <param name="Cpu">Processor, usable cores, instruction sets.</param>
/// <param name="Gpus">GPUs with their driver; empty when there is none.</param>
/// <param name="LibTorch">Version and flavour; "none" when there is none.</param>
/// <param name="Rules">Fingerprint of the backends and rules of this program.</param>
public sealed record MachineIdentity(string Cpu, string Gpus, string LibTorch, string Rules)
{
    /// <summary>Raised when kernels change so that old times say nothing, though no rule changed.</summary>
    private const int KernelRevision = 1;

    /// <summary>The identity of a machine under the rules of this program.</summary>
    /// <param name="machine">A detected machine.</param>
    public static MachineIdentity Of(Machine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return new MachineIdentity(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{machine.Cpu.Name}, {machine.Cpu.Architecture}, {machine.Cpu.Cores} cores, {string.Join(' ', machine.Cpu.Isa)}"
            ),
            string.Join("; ", machine.Gpus.Select(gpu => $"{gpu.Name} {gpu.ComputeCapability} driver {gpu.Driver}")),
            machine.LibTorch is { } library ? $"{library.Version} {library.Flavor}" : "none",
            Fingerprint()
        );
    }

    /// <summary>The first part that differs, in words: "libtorch 2.10.0 cpu, now 2.11.0 cpu"; null when none does.</summary>
    /// <param name="now">The machine as it is.</param>
    public string? DifferenceTo(MachineIdentity now)
    {
        ArgumentNullException.ThrowIfNull(now);
        return Difference(now)?.In(Language.English);
    }

    /// <summary><see cref="DifferenceTo"/> in every language.</summary>
    internal Finding? Difference(MachineIdentity now) =>
        Cpu != now.Cpu ? Finding.Of("processor {0}, now {1}", Cpu, now.Cpu)
        : Gpus != now.Gpus ? Finding.Of("GPUs \"{0}\", now \"{1}\"", Gpus, now.Gpus)
        : LibTorch != now.LibTorch ? Finding.Of("libtorch {0}, now {1}", LibTorch, now.LibTorch)
        : Rules != now.Rules ? Finding.Of("attention rules {0}, now {1}", Rules, now.Rules)
        : null;

    /// <summary>FNV-1a over the codes and the backends that have them.</summary>
    private static string Fingerprint()
    {
        uint hash = 2166136261;
        IEnumerable<string> parts = AttentionRules
            .Codes.Select(code => $"{code.Code} {string.Join(',', code.Backends)};")
            .Concat(AttentionRules.Backends.Select(backend => backend.Name));
        foreach (char letter in string.Concat(parts))
        {
            hash = (hash ^ letter) * 16777619;
        }
        return string.Create(CultureInfo.InvariantCulture, $"{KernelRevision}-{hash:x8}");
    }
}
