using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Constraints;

/// <summary>What a rule looks at.</summary>
/// <param name="problem">The problem.</param>
/// <param name="machine">The machine.</param>
/// <param name="estimatedBytes">The backend's memory estimate.</param>
/// <param name="freeBytes">Free memory on the problem's device; null when unknown.</param>
public readonly ref struct ConstraintSubject(in AttentionProblem problem, Machine machine, long estimatedBytes, long? freeBytes)
{
    /// <summary>The problem.</summary>
    public readonly AttentionProblem Problem = problem;

    /// <summary>The machine.</summary>
    public Machine Machine { get; } = machine;

    /// <summary>The backend's memory estimate in bytes.</summary>
    public long EstimatedBytes { get; } = estimatedBytes;

    /// <summary>Free memory on the problem's device in bytes; null when unknown.</summary>
    public long? FreeBytes { get; } = freeBytes;

    /// <summary>The GPU that the problem is on; null when it is on none or the machine does not have it.</summary>
    public GpuInfo? Gpu =>
        Problem.Device.Kind == AttentionDeviceKind.Cuda && Problem.Device.Index < Machine.Gpus.Count
            ? Machine.Gpus[Problem.Device.Index]
            : null;
}

/// <summary>Whether a problem breaks a rule on a machine.</summary>
/// <param name="subject">Problem, machine and memory.</param>
/// <returns>null when the rule holds, or cannot be decided for want of a fact; else what was found, "headDim 512".</returns>
public delegate string? ConstraintViolation(in ConstraintSubject subject);

/// <summary>One rule of a backend. The tables of these read like the tables of a manual; the page docs/error-codes.md is made from
/// them.</summary>
/// <param name="Code">Stable code; never reused.</param>
/// <param name="Rule">The rule in one sentence; "{0}" stands for the backend's name.</param>
/// <param name="Required">What is required, short.</param>
/// <param name="Remedy">What to do, in the order of least effort.</param>
/// <param name="Source">Where the rule comes from.</param>
/// <param name="Violation">The test.</param>
public sealed record Constraint(string Code, string Rule, string Required, string Remedy, string Source, ConstraintViolation Violation)
{
    /// <summary>How the backend cures a violation itself; null when it cannot, so that the rule refuses.</summary>
    public string? Repair { get; init; }

    /// <summary>The reason a backend gives when the rule is broken.</summary>
    /// <param name="backend">Backend's name.</param>
    /// <param name="found">What was found.</param>
    public Reason ToReason(string backend, string found) =>
        new(Code, Rule.Replace("{0}", backend, StringComparison.Ordinal), found, Required,
            Repair is null ? Remedy : "none needed: " + Repair);
}

/// <summary>Bytes one call of a backend takes beside its operands, the result included: an upper bound.</summary>
/// <param name="problem">The problem.</param>
/// <param name="machine">The machine.</param>
public delegate long MemoryEstimate(in AttentionProblem problem, Machine machine);

/// <summary>What is known of a backend without loading it: its rules and its memory.</summary>
/// <param name="Name">Backend's name.</param>
/// <param name="Summary">What it is, in one sentence.</param>
/// <param name="Constraints">Its rules, in the order they are reported.</param>
/// <param name="EstimateBytes">Its memory estimate.</param>
public sealed record BackendRules(string Name, string Summary, IReadOnlyList<Constraint> Constraints, MemoryEstimate EstimateBytes)
{
    /// <summary>Whether the amount of free memory can refuse this backend.</summary>
    public bool IsLimitedByMemory { get; } = Constraints.Any(constraint => constraint.Code == MemoryRules.FitsCode);
}
