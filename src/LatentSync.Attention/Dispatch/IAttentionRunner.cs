using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Dispatch;

/// <summary>The part of a backend that computes. Its rules are judged without it, from <c>AttentionRules</c>.</summary>
/// <typeparam name="TInputs">The operands.</typeparam>
/// <typeparam name="TOutput">The result.</typeparam>
public interface IAttentionRunner<TInputs, TOutput>
    where TInputs : allows ref struct
{
    /// <summary>Backend's name, the key to its rules.</summary>
    string Name { get; }

    /// <summary>Computes the problem or throws; operands are not modified. Called only when the rules allow it. Must be
    /// thread-safe.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="inputs">The operands.</param>
    TOutput Run(in AttentionProblem problem, TInputs inputs);
}
