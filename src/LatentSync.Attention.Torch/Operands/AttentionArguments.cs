using LatentSync.Attention.Problems;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Operands;

/// <summary>Everything about a call besides query, key and value.</summary>
public readonly record struct AttentionArguments
{
    /// <summary>null, or boolean (true = attend) or floating point (added to the scaled scores in their type, float32 or float64; -∞ there
    /// hides a key), broadcastable to (B, H, Lq, Lk).</summary>
    public Tensor? Mask { get; init; }

    /// <summary>Keys after the diagonal are hidden. Joins with <see cref="Mask"/>: both must allow a key.</summary>
    public bool IsCausal { get; init; }

    /// <summary>Where the diagonal lies when Lq ≠ Lk. Default top-left.</summary>
    public CausalAlignment CausalAlignment { get; init; }

    /// <summary>Factor on Q Kᵀ. null (default) is 1/√D. Must be finite.</summary>
    public double? Scale { get; init; }

    /// <summary>Scores become c·tanh(score/c) before the mask. 0 (default) is off.</summary>
    public double Softcap { get; init; }

    /// <summary>Probability that a weight is dropped, 0 (default) up to but not 1. Applied always, as PyTorch's function does.</summary>
    public double Dropout { get; init; }

    /// <summary>The same operands must give the same bits each time, gradients included: kernels that add in a changing order are left
    /// out.</summary>
    public bool NeedsDeterminism { get; init; }

    /// <summary>Keys before the diagonal that a query sees; null (default) for all.</summary>
    public int? LeftWindow { get; init; }

    /// <summary>Keys after the diagonal that a query sees; null (default) for all.</summary>
    public int? RightWindow { get; init; }
}

/// <summary>Operands in the form that backends take: rank 4, the same batch everywhere. Not owned.</summary>
/// <param name="Query">(B, H, Lq, D), any strides.</param>
/// <param name="Key">(B, Hkv, Lk, D), any strides.</param>
/// <param name="Value">(B, Hkv, Lk, Dv), any strides.</param>
/// <param name="Mask">null, or (1 or B, 1 or H, 1 or Lq, 1 or Lk), boolean or floating point.</param>
public readonly record struct AttentionInputs(Tensor Query, Tensor Key, Tensor Value, Tensor? Mask);
