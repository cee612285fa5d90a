using LatentSync.Attention.Failures;

namespace LatentSync.Attention.Rules;

/// <summary>All backends and all codes: the index of this folder.</summary>
public static class AttentionRules
{
    /// <summary>Every backend whose rules are known, in no particular order.</summary>
    public static IReadOnlyList<BackendRules> Backends { get; } =
    [
        ManagedFlashRules.Backend,
        TorchFlashRules.Backend,
        TorchEfficientRules.Backend,
        TorchMathRules.Backend,
        SlicedRules.Backend,
        TorchCuDnnRules.Backend,
    ];

    /// <summary>Names of <see cref="Backends"/>, as a policy may use them.</summary>
    public static IReadOnlyCollection<string> BackendNames { get; } = [.. Backends.Select(backend => backend.Name)];

    /// <summary>Every code that this layer can show, in ascending order, once each.</summary>
    public static IReadOnlyList<CodeDescription> Codes { get; } =
    [
        .. Backends
            .SelectMany(backend => backend.Constraints.Select(constraint => (Constraint: constraint, Backend: backend.Name)))
            .GroupBy(entry => entry.Constraint.Code)
            .Select(group => CodeDescription.Of(group.First().Constraint, [.. group.Select(entry => entry.Backend)]))
            .Append(CodeDescription.Of(CommonRules.NotInProcess, []))
            .Concat(FailureDescription.All.Select(CodeDescription.Of))
            .Concat(CodeDescription.OfPolicy)
            .OrderBy(code => code.Code, StringComparer.Ordinal),
    ];
}
