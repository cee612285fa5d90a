using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Wording;

namespace LatentSync.Attention.Rules;

/// <summary>Whether a problem breaks a rule on a machine.</summary>
/// <param name="subject">Problem, machine and memory.</param>
/// <returns>null when the rule holds, or cannot be decided for want of a fact; else what was found, "headDim 512".</returns>
public delegate Finding? ConstraintViolation(in ConstraintSubject subject);

/// <summary>One rule of a backend. The tables of these read like the tables of a manual; the pages docs/error-codes*.md are made from
/// them. The words here are English; the other languages' lie in <c>Wording</c>, by code.</summary>
/// <param name="Code">Stable code; never reused.</param>
/// <param name="Rule">The rule in one sentence; "{0}" stands for the backend's name.</param>
/// <param name="Required">What is required, short.</param>
/// <param name="Remedy">What to do, in the order of least effort; steps are parted by "; ".</param>
/// <param name="Source">Where the rule comes from.</param>
/// <param name="Violation">The test.</param>
public sealed record Constraint(string Code, string Rule, string Required, string Remedy, string Source, ConstraintViolation Violation)
{
    /// <summary>The remedy of rules that another backend does not have.</summary>
    public const string UseAnother = "none needed, another backend runs";

    /// <summary>How the backend cures a violation itself; null when it cannot, so that the rule refuses.</summary>
    public string? Repair { get; init; }

    /// <summary>Effort of the remedy's first step; each further step takes one more. Default: a change of the call.</summary>
    public RemedyEffort Effort { get; init; } = RemedyEffort.Call;

    /// <summary>libtorch's own selector does not have this rule: it protects from what the operators do not check, or is about our
    /// way to call them.</summary>
    public bool IsOurs { get; init; }

    /// <summary>The reason a backend gives when the rule is broken, in the current language.</summary>
    /// <param name="backend">Backend's name.</param>
    /// <param name="found">What was found.</param>
    public Reason ToReason(string backend, Finding found) =>
        Reason.Of(language => new Reason(
            Code,
            WordCatalog.Rule(Code, Rule, language).Replace("{0}", backend, StringComparison.Ordinal),
            found.In(language),
            WordCatalog.Required(Code, Required, language),
            Repair is null
                ? WordCatalog.Remedy(Code, Remedy, language)
                : string.Format(null, WordCatalog.Phrase("none needed: {0}", language), WordCatalog.Repair(Code, Repair, language))
        )
        {
            Effort = Effort,
        });
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
