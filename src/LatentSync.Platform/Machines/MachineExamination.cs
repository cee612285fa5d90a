using LatentSync.Attention.Selection;

namespace LatentSync.Platform.Machines;

/// <summary>What was found on this machine.</summary>
/// <param name="Machine">What the attention rules need.</param>
/// <param name="DotNet">The running .NET, "10.0.1".</param>
/// <param name="Memory">Usable and free memory; null if it could not be read.</param>
/// <param name="LibStdCxx">The C++ library; null where there is none or it could not be read.</param>
/// <param name="Probes">How each probe ended: one that failed left its part unknown.</param>
public sealed record MachineExamination(Machine Machine, string DotNet, MemoryFacts? Memory, LibStdCxxFacts? LibStdCxx, IReadOnlyList<ProbeOutcome> Probes)
{
    /// <summary>How a probe ended.</summary>
    /// <param name="name">"os", "cpu", "memory", "gpu", "libtorch" or "libstdcxx".</param>
    public ProbeOutcome Probe(string name) => Probes.Single(probe => probe.Name == name);
}
