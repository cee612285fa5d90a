using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;

namespace LatentSync.Lab.Auditing;

/// <summary>What an audit covers.</summary>
public sealed record AuditOptions
{
    /// <summary>The detected machine, whose facts the rules use.</summary>
    public required Machine Machine { get; init; }

    /// <summary>Where the problems lie. Default: CPU.</summary>
    public AttentionDevice Device { get; init; } = AttentionDevice.Cpu;

    /// <summary>Random problems whose verdicts are compared, at least 0. Default 2,000; 0 leaves the comparison out.</summary>
    public int Problems { get; init; } = 2000;

    /// <summary>Seed of every random choice. Default 20260522.</summary>
    public int Seed { get; init; } = 20260522;

    /// <summary>Faults to inject, at least 0; the last call may add a few. Default 0: none.</summary>
    public int Faults { get; init; }

    /// <summary>Whether each backend's memory is measured against its estimate. Default: no.</summary>
    public bool MeasuresMemory { get; init; }
}
