using System.Numerics.Tensors;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention;

/// <summary>The gradients of one call of <see cref="FlashAttention.Backward{T}"/>: one comes in, three go out.</summary>
/// <remarks>Sizes are those of <see cref="FlashAttentionArguments{T}"/>, strides are any. What is written shares no element with anything
/// else that the call is given.</remarks>
/// <typeparam name="T">float, double, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
public ref struct FlashAttentionGradients<T>
    where T : unmanaged
{
    /// <summary>Gradients; set the properties.</summary>
    public FlashAttentionGradients() { }

    /// <summary>(B, H, Lq, Dv); packed (1, H, all queries, Dv): derivative of the loss by the output. Strides of 0 are legal.</summary>
    public required ReadOnlyTensorSpan<T> OutputGradient { get; init; }

    /// <summary>(B, H, Lq, D); packed (1, H, all queries, D). Is overwritten, but for rows that belong to no sequence.</summary>
    public required TensorSpan<T> QueryGradient { get; init; }

    /// <summary>(B, Hkv, Lk, D); packed (1, Hkv, all keys, D). Is overwritten, with zeros for keys not in use
    /// (<see cref="FlashAttentionArguments{T}.KeyLengths"/>), but for rows that belong to no sequence.</summary>
    public required TensorSpan<T> KeyGradient { get; init; }

    /// <summary>(B, Hkv, Lk, Dv), as <see cref="KeyGradient"/>.</summary>
    public required TensorSpan<T> ValueGradient { get; init; }
}
