using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch;

/// <summary>Attention on TorchSharp tensors: the one entry that the networks call.</summary>
public static class TorchAttention
{
    /// <summary>softmax(scale · Q Kᵀ + mask) V by the best kernel that this machine has, through
    /// <see cref="AttentionDispatcher.Current"/>.</summary>
    /// <param name="query">(B, H, Lq, D), any strides. Not modified.</param>
    /// <param name="key">(B, Hkv, Lk, D), any strides; Hkv divides H. Not modified.</param>
    /// <param name="value">(B, Hkv, Lk, Dv), any strides. Not modified.</param>
    /// <param name="attnMask">null, or boolean (true = attend) or floating point (added), broadcastable to (B, H, Lq, Lk).</param>
    /// <param name="isCausal">Key j is seen by query i when j ≤ i (top-left alignment). Joins with the mask.</param>
    /// <param name="scale">Factor on Q Kᵀ. Default 1/√D. Must be finite.</param>
    /// <param name="layer">Name of the calling layer class, for the report ("unet.spatial-self", "vae.mid", ...).</param>
    /// <param name="isCausalBottomRight">The causal diagonal ends in the last key instead of starting in the first. Default false.</param>
    /// <param name="dropout">Probability that a weight is dropped, 0 (default) up to but not 1.</param>
    /// <param name="cancellationToken">Checked before each backend.</param>
    /// <returns>(B, H, Lq, Dv), new, in the caller's dispose scope; for its order in memory see <see cref="AttentionDispatcher.Run"/>. A
    /// row
    /// whose keys are all masked is zero.</returns>
    /// <exception cref="ArgumentException">The tensors are not an attention problem.</exception>
    /// <exception cref="AttentionUnavailableException">No backend that the policy allows can run, or all have failed.</exception>
    public static Tensor ScaledDotProductAttention(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? attnMask = null,
        bool isCausal = false,
        double? scale = null,
        string? layer = null,
        bool isCausalBottomRight = false,
        double dropout = 0,
        CancellationToken cancellationToken = default
    )
    {
        AttentionArguments arguments = Arguments(attnMask, isCausal, scale, isCausalBottomRight, dropout);
        return AttentionDispatcher.Current.Run(query, key, value, arguments, layer, cancellationToken);
    }

    /// <summary><see cref="ScaledDotProductAttention"/>, and the logsumexp of every row: with both, results over parts of the keys can be
    /// joined exactly.</summary>
    /// <param name="query">(B, H, Lq, D), any strides. Not modified.</param>
    /// <param name="key">(B, Hkv, Lk, D), any strides; Hkv divides H. Not modified.</param>
    /// <param name="value">(B, Hkv, Lk, Dv), any strides. Not modified.</param>
    /// <param name="attnMask">null, or boolean (true = attend) or floating point (added), broadcastable to (B, H, Lq, Lk).</param>
    /// <param name="isCausal">Key j is seen by query i when j ≤ i (top-left alignment). Joins with the mask.</param>
    /// <param name="scale">Factor on Q Kᵀ. Default 1/√D. Must be finite.</param>
    /// <param name="layer">Name of the calling layer class, for the report.</param>
    /// <param name="isCausalBottomRight">The causal diagonal ends in the last key instead of starting in the first. Default false.</param>
    /// <param name="dropout">Probability that a weight is dropped, 0 (default) up to but not 1; it does not touch the logsumexp.</param>
    /// <param name="cancellationToken">Checked before each backend.</param>
    /// <returns>Output: (B, H, Lq, Dv), differentiable as always. LogSumExp: (B, H, Lq), float32 (float64 for float64 operands), natural
    /// logarithm, -∞ for a row whose keys are all masked; without gradient.</returns>
    /// <exception cref="ArgumentException">The tensors are not an attention problem.</exception>
    /// <exception cref="AttentionUnavailableException">No backend that the policy allows can run, or all have failed.</exception>
    public static (Tensor Output, Tensor LogSumExp) ScaledDotProductAttentionWithLogSumExp(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? attnMask = null,
        bool isCausal = false,
        double? scale = null,
        string? layer = null,
        bool isCausalBottomRight = false,
        double dropout = 0,
        CancellationToken cancellationToken = default
    )
    {
        AttentionArguments arguments = Arguments(attnMask, isCausal, scale, isCausalBottomRight, dropout);
        return AttentionDispatcher.Current.RunWithLogSumExp(query, key, value, arguments, layer, cancellationToken);
    }

    private static AttentionArguments Arguments(Tensor? attnMask, bool isCausal, double? scale, bool isCausalBottomRight, double dropout) =>
        new()
        {
            Mask = attnMask,
            IsCausal = isCausal || isCausalBottomRight,
            CausalAlignment = isCausalBottomRight ? CausalAlignment.BottomRight : CausalAlignment.TopLeft,
            Scale = scale,
            Dropout = dropout,
        };
}
