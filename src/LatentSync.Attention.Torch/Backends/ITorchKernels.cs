using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>The kernels that backends call, with operands already prepared. libtorch's are <see cref="LibTorchKernels"/>; tests put a
/// simulated device in their place, which checks what the real kernels check.</summary>
internal interface ITorchKernels
{
    /// <summary>The tiled CPU kernel.</summary>
    /// <param name="query">(B, H, Lq, D), last stride 1.</param>
    /// <param name="key">(B, Hkv, Lk, D).</param>
    /// <param name="value">(B, Hkv, Lk, D).</param>
    /// <param name="mask">null, or an additive mask of the query's type (float32 for 16 bits), broadcastable, rank 4.</param>
    /// <param name="isCausal">Top-left causal.</param>
    /// <param name="scale">Factor on Q Kᵀ.</param>
    /// <returns>(B, H, Lq, D).</returns>
    Tensor FlashCpu(Tensor query, Tensor key, Tensor value, Tensor? mask, bool isCausal, double scale);

    /// <summary><see cref="FlashCpu"/> with the logsumexp.</summary>
    /// <param name="query">(B, H, Lq, D), last stride 1.</param>
    /// <param name="key">(B, Hkv, Lk, D).</param>
    /// <param name="value">(B, Hkv, Lk, D).</param>
    /// <param name="mask">As there.</param>
    /// <param name="isCausal">Top-left causal.</param>
    /// <param name="scale">Factor on Q Kᵀ.</param>
    /// <returns>(B, H, Lq, D) and (B, H, Lq); of a row without a key the latter is 0 or -∞.</returns>
    AttentionResult FlashCpuWithLogSumExp(Tensor query, Tensor key, Tensor value, Tensor? mask, bool isCausal, double scale);

    /// <summary><see cref="FlashCuda"/> with the logsumexp.</summary>
    /// <param name="query">(B, H, Lq, D), last stride 1.</param>
    /// <param name="key">(B, Hkv, Lk, D).</param>
    /// <param name="value">(B, Hkv, Lk, D).</param>
    /// <param name="dropout">Probability.</param>
    /// <param name="isCausal">Causal; Lq = Lk.</param>
    /// <param name="scale">Factor on Q Kᵀ.</param>
    /// <returns>(B, H, Lq, D) and (B, H, Lq).</returns>
    AttentionResult FlashCudaWithLogSumExp(Tensor query, Tensor key, Tensor value, double dropout, bool isCausal, double scale);

    /// <summary>FlashAttention-2 on CUDA: 16 bits, D a multiple of 8 up to 256.</summary>
    /// <param name="query">(B, H, Lq, D), last stride 1.</param>
    /// <param name="key">(B, Hkv, Lk, D).</param>
    /// <param name="value">(B, Hkv, Lk, D).</param>
    /// <param name="dropout">Probability.</param>
    /// <param name="isCausal">Causal; Lq = Lk.</param>
    /// <param name="scale">Factor on Q Kᵀ.</param>
    /// <returns>(B, H, Lq, D).</returns>
    Tensor FlashCuda(Tensor query, Tensor key, Tensor value, double dropout, bool isCausal, double scale);

    /// <summary>The memory-efficient kernel (CUTLASS): as many key heads as query heads; rows of 16 bytes.</summary>
    /// <param name="query">(B, H, Lq, D), last stride 1.</param>
    /// <param name="key">(B, H, Lk, D).</param>
    /// <param name="value">(B, H, Lk, Dv).</param>
    /// <param name="bias">null, or (B, H, Lq, Lk) in the query's type: last stride 1, the others multiples of 8.</param>
    /// <param name="needsLogSumExp">The backward pass will follow.</param>
    /// <param name="dropout">Probability.</param>
    /// <param name="isCausal">Top-left causal.</param>
    /// <param name="scale">Factor on Q Kᵀ.</param>
    /// <returns>(B, H, Lq, Dv), in memory (B, Lq, H, Dv).</returns>
    Tensor Efficient(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? bias,
        bool needsLogSumExp,
        double dropout,
        bool isCausal,
        double scale
    );

    /// <summary>cuDNN's fused attention: 16 bits, D and Dv multiples of 8.</summary>
    /// <param name="query">(B, H, Lq, D), last stride 1.</param>
    /// <param name="key">(B, Hkv, Lk, D).</param>
    /// <param name="value">(B, Hkv, Lk, Dv).</param>
    /// <param name="bias">As in <see cref="Efficient"/>, the head's size may be 1.</param>
    /// <param name="needsLogSumExp">The backward pass will follow.</param>
    /// <param name="dropout">Probability.</param>
    /// <param name="isCausal">Top-left causal.</param>
    /// <param name="scale">Factor on Q Kᵀ.</param>
    /// <returns>(B, H, Lq, Dv), in memory as the query.</returns>
    Tensor CuDnn(Tensor query, Tensor key, Tensor value, Tensor? bias, bool needsLogSumExp, double dropout, bool isCausal, double scale);

    /// <summary>The standard path.</summary>
    /// <param name="query">(B, H, Lq, D).</param>
    /// <param name="key">(B, Hkv, Lk, D).</param>
    /// <param name="value">(B, Hkv, Lk, Dv).</param>
    /// <param name="mask">null, or an additive mask of the query's type, broadcastable.</param>
    /// <param name="dropout">Probability.</param>
    /// <param name="isCausal">Top-left causal, without a mask.</param>
    /// <param name="scale">Factor on Q Kᵀ.</param>
    /// <param name="enableGqa">Key heads are repeated.</param>
    /// <returns>(B, H, Lq, Dv).</returns>
    Tensor Math(Tensor query, Tensor key, Tensor value, Tensor? mask, double dropout, bool isCausal, double scale, bool enableGqa);
}
