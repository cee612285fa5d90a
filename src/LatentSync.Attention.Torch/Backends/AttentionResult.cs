using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>What a backend returns.</summary>
/// <param name="Output">(B, H, Lq, Dv), the query's element type.</param>
/// <param name="LogSumExp">null unless the problem needs it. (B, H, Lq), float32 (float64 for float64 operands): the natural logarithm of
/// the sum over keys of exp(score + bias), before dropout; -∞ for a row whose keys are all hidden. Without gradient.</param>
public readonly record struct AttentionResult(Tensor Output, Tensor? LogSumExp = null)
{
    /// <summary>A result without logsumexp.</summary>
    /// <param name="output">The output.</param>
    public static implicit operator AttentionResult(Tensor output) => new(output);

    /// <summary>The same tensors, one dispose scope further out.</summary>
    internal AttentionResult MoveToOuterDisposeScope()
    {
        Output.MoveToOuterDisposeScope();
        LogSumExp?.MoveToOuterDisposeScope();
        return this;
    }
}
