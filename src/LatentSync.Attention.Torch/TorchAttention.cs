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
        var arguments = new AttentionArguments
        {
            Mask = attnMask,
            IsCausal = isCausal || isCausalBottomRight,
            CausalAlignment = isCausalBottomRight ? CausalAlignment.BottomRight : CausalAlignment.TopLeft,
            Scale = scale,
            Dropout = dropout,
        };
        return AttentionDispatcher.Current.Run(query, key, value, arguments, layer, cancellationToken);
    }
}
