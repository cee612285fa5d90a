using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;

namespace LatentSync.Attention.Selection;

/// <summary>What will run for a problem, what after it if it fails, and why.</summary>
public sealed record Plan
{
    /// <summary>The problem.</summary>
    public required AttentionProblem Problem { get; init; }

    /// <summary>The policy that was obeyed.</summary>
    public required Policy Policy { get; init; }

    /// <summary>The backend that runs; null when none may.</summary>
    public required string? Chosen { get; init; }

    /// <summary>Backends that run after <see cref="Chosen"/> if it fails, best first.</summary>
    public required IReadOnlyList<string> Order { get; init; }

    /// <summary>Every backend's verdict, in the order of the ranking.</summary>
    public required IReadOnlyList<Verdict> Verdicts { get; init; }

    /// <summary>Memory estimate of the chosen backend in bytes; 0 when none runs.</summary>
    public required long EstimatedBytes { get; init; }

    /// <summary>The same plan results from any amount of free memory from here...</summary>
    public required long ValidFromFreeBytes { get; init; }

    /// <summary>... up to, but not including, here.</summary>
    public required long ValidBelowFreeBytes { get; init; }

    /// <summary>The verdict of one backend; null when it is not in the catalogue.</summary>
    /// <param name="backend">Backend's name.</param>
    public Verdict? VerdictOf(string backend) => Verdicts.FirstOrDefault(verdict => verdict.Backend == backend);
}
