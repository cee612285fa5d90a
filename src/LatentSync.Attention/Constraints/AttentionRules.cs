using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Constraints;

/// <summary>All backends and all codes: the index of this folder.</summary>
public static class AttentionRules
{
    /// <summary>Every backend whose rules are known, in no particular order.</summary>
    public static IReadOnlyList<BackendRules> Backends { get; } = [TorchFlashRules.Backend, TorchMathRules.Backend, SlicedRules.Backend];

    /// <summary>Names of <see cref="Backends"/>, as a policy may use them.</summary>
    public static IReadOnlyCollection<string> BackendNames { get; } = [.. Backends.Select(backend => backend.Name)];

    /// <summary>Every code that this layer can show, in ascending order, once each.</summary>
    public static IReadOnlyList<CodeDescription> Codes { get; } =
    [
        .. Backends
            .SelectMany(backend => backend.Constraints.Select(constraint => (Constraint: constraint, Backend: backend.Name)))
            .GroupBy(entry => entry.Constraint.Code)
            .Select(group => CodeDescription.Of(group.First().Constraint, [.. group.Select(entry => entry.Backend)]))
            .Concat(FailureDescription.All.Select(CodeDescription.Of))
            .Concat(CodeDescription.OfPolicy)
            .OrderBy(code => code.Code, StringComparer.Ordinal),
    ];
}

/// <summary>One line of the page of codes.</summary>
/// <param name="Code">Stable code.</param>
/// <param name="Backends">Backends that can show it; empty when it belongs to none.</param>
/// <param name="Message">The rule or the event.</param>
/// <param name="Required">What is required.</param>
/// <param name="Remedy">What to do, or how it is cured.</param>
/// <param name="Source">Where the rule comes from; empty for events.</param>
public sealed record CodeDescription(
    string Code, IReadOnlyList<string> Backends, string Message, string Required, string Remedy, string Source)
{
    /// <summary>Codes of the policy and of the process.</summary>
    public static IReadOnlyList<CodeDescription> OfPolicy { get; } =
    [
        new(PolicyRules.ForbiddenCode, [], "The policy forbids a backend.", "a policy that allows it", "leave out \"forbid NAME\"", ""),
        new(PolicyRules.OtherRequiredCode, [], "The policy requires another backend.", "a policy that allows it",
            "say \"prefer NAME\" instead of \"require NAME\"", ""),
        new(PolicyRules.RequiredUnavailableCode, [], "The backend that the policy requires cannot run.", "a problem and a machine within its rules",
            "say \"prefer NAME\" instead of \"require NAME\", or remove the reasons that are listed", ""),
        new(PolicyRules.NoneLeftCode, [], "No backend is left for the problem.", "at least one backend that runs",
            "remove the reasons that are listed; \"auto\" always leaves sliced", ""),
        new(CommonRules.NotInProcessCode, [], "A known backend is not part of this process.", "an implementation given to the dispatcher",
            "none needed, another backend runs", ""),
    ];

    /// <summary>The line of a rule.</summary>
    /// <param name="constraint">The rule.</param>
    /// <param name="backends">Backends that have it.</param>
    public static CodeDescription Of(Constraint constraint, IReadOnlyList<string> backends) =>
        new(constraint.Code, backends,
            constraint.Rule.Replace("{0}", backends.Count == 1 ? backends[0] : "the backend", StringComparison.Ordinal),
            constraint.Required, constraint.Repair is { } repair ? "cured: " + repair : constraint.Remedy, constraint.Source);

    /// <summary>The line of a failure.</summary>
    /// <param name="failure">The failure.</param>
    public static CodeDescription Of(FailureDescription failure) =>
        new(failure.Code, [], failure.Message, failure.Required, failure.Remedy, "");
}
