using System.Collections.Frozen;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Selection;

/// <summary>Which backend is tried before which. The built-in order holds everywhere; a measured order may replace it for a
/// class of problems.</summary>
public sealed class BackendRanking
{
    /// <summary>The whole order, best first, with the reason of each rank. Float32, head dims 40 to 512, 2 cores with AVX-512.</summary>
    private static readonly string[] BuiltIn =
    [
        AttentionBackendNames.TorchFlash, // 2 to 5 times as fast as torch-math from 256 tokens on, memory linear in the length
        AttentionBackendNames.TorchMath, // computes everything, but holds the whole score matrix at least twice
        AttentionBackendNames.Sliced, // computes everything in bounded memory; more and smaller kernel calls than torch-math
    ];

    private readonly FrozenDictionary<ProblemClass, IReadOnlyList<string>> _measured;

    private BackendRanking(FrozenDictionary<ProblemClass, IReadOnlyList<string>> measured) => _measured = measured;

    /// <summary>The built-in order for every problem.</summary>
    public static BackendRanking Default { get; } = new(FrozenDictionary<ProblemClass, IReadOnlyList<string>>.Empty);

    /// <summary>The built-in order, replaced where an order was measured.</summary>
    /// <param name="measured">Backends per class, fastest first. Backends that are not named follow in the built-in order.</param>
    public static BackendRanking Measured(IReadOnlyDictionary<ProblemClass, IReadOnlyList<string>> measured) =>
        new(measured.ToFrozenDictionary());

    /// <summary>The order for a problem, best first. A backend that it does not name ranks last.</summary>
    /// <param name="problem">The problem.</param>
    public IReadOnlyList<string> OrderFor(in AttentionProblem problem) =>
        _measured.Count > 0 && _measured.TryGetValue(ProblemClass.Of(problem), out IReadOnlyList<string>? order)
            ? [.. order, .. BuiltIn.Except(order)]
            : BuiltIn;
}
