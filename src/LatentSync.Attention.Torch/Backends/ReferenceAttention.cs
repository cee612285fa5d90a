using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>The oracle: attention in float64 with the whole score matrix, written for reading, not for speed. Used by tests and
/// <c>attention verify</c>; never a plan. Shares no arithmetic with the backends.</summary>
public static class ReferenceAttention
{
    /// <summary>softmax(softcap(scale · Q Kᵀ) + bias) V in float64. Differentiable. Dropout is ignored.</summary>
    /// <param name="query">(B, H, Lq, D).</param>
    /// <param name="key">(B, Hkv, Lk, D).</param>
    /// <param name="value">(B, Hkv, Lk, Dv).</param>
    /// <param name="arguments">Mask, causal, scale, softcap, window.</param>
    /// <returns>(B, H, Lq, Dv), float64. A row whose keys are all hidden is zero.</returns>
    public static Tensor Compute(Tensor query, Tensor key, Tensor value, in AttentionArguments arguments)
    {
        using var scope = NewDisposeScope();
        return ComputeSteps(query, key, value, arguments).Output.MoveToOuterDisposeScope();
    }

    /// <summary>The same, with everything on the way. All float64.</summary>
    /// <param name="query">(B, H, Lq, D).</param>
    /// <param name="key">(B, Hkv, Lk, D).</param>
    /// <param name="value">(B, Hkv, Lk, Dv).</param>
    /// <param name="arguments">Mask, causal, scale, softcap, window.</param>
    /// <returns>New tensors in the caller's dispose scope.</returns>
    public static ReferenceSteps ComputeSteps(Tensor query, Tensor key, Tensor value, in AttentionArguments arguments)
    {
        using var scope = NewDisposeScope();
        long lq = query.size(-2), lk = key.size(-2), group = query.dim() >= 3 ? query.size(-3) / key.size(-3) : 1;
        Tensor q = query.to(ScalarType.Float64), k = key.to(ScalarType.Float64), v = value.to(ScalarType.Float64);
        if (group > 1)
        {
            (k, v) = (k.repeat_interleave(group, -3), v.repeat_interleave(group, -3)); // (B, H, Lk, D), (B, H, Lk, Dv)
        }
        Scalar scale = Scalars.Of(arguments.Scale ?? 1.0 / Math.Sqrt(query.size(-1))), softcap = Scalars.Of(arguments.Softcap);
        Tensor products = matmul(q, k.transpose(-1, -2)).mul(scale); // (B, H, Lq, Lk)
        Tensor capped = arguments.Softcap > 0 ? tanh(products / softcap) * softcap : products;
        if (lk == 0)
        {
            Tensor nothing = full(query.shape[..^1], Scalars.NegativeInfinity, ScalarType.Float64, query.device);
            return Kept(products, capped, capped, products, nothing, matmul(products, v)); // empty sums: zeros
        }
        Tensor scores = capped;
        Tensor hidden = Hidden(lq, lk, arguments).to(query.device); // (Lq, Lk)
        if (arguments.Mask is { } mask)
        {
            if (mask.dtype == ScalarType.Bool)
            {
                hidden = hidden.logical_or(mask.logical_not());
            }
            else
            {
                Tensor bias = mask.to(ScalarType.Float64);
                Tensor isHidden = bias.eq(Scalars.NegativeInfinity);
                scores = scores.add(bias.masked_fill(isHidden, Scalars.Zero), Scalars.One);
                hidden = hidden.logical_or(isHidden);
            }
        }
        // Rows that see nothing get the softmax of zeros and are then multiplied by zero.
        Tensor seesNothing = hidden.all(-1, keepdim: true);
        Tensor masked = scores.masked_fill(hidden.logical_and(seesNothing.logical_not()), Scalars.NegativeInfinity);
        Tensor weights = nn.functional.softmax(masked, -1).masked_fill(seesNothing, Scalars.Zero); // (B, H, Lq, Lk)
        Tensor biased = scores.masked_fill(hidden, Scalars.NegativeInfinity); // (B, H, Lq, Lk)
        return Kept(products, capped, biased, weights, biased.logsumexp(-1), matmul(weights, v)); // v: (B, H, Lk, Dv)
    }

    private static ReferenceSteps Kept(
        Tensor products, Tensor capped, Tensor biased, Tensor weights, Tensor logSumExp, Tensor output) =>
        new(products.MoveToOuterDisposeScope(), capped.MoveToOuterDisposeScope(), biased.MoveToOuterDisposeScope(),
            weights.MoveToOuterDisposeScope(), logSumExp.MoveToOuterDisposeScope(), output.MoveToOuterDisposeScope());

    private static Tensor Hidden(long lq, long lk, in AttentionArguments arguments)
    {
        long offset = arguments.CausalAlignment == CausalAlignment.BottomRight ? lk - lq : 0;
        var hidden = new bool[lq * lk];
        for (long i = 0; i < lq; i++)
        {
            for (long j = 0; j < lk; j++)
            {
                long distance = j - (i + offset); // keys after the diagonal are positive
                hidden[i * lk + j] = arguments.IsCausal && distance > 0
                    || arguments.LeftWindow is { } left && distance < -left
                    || arguments.RightWindow is { } right && distance > right;
            }
        }
        return tensor(hidden, [lq, lk]);
    }
}

/// <summary>What <see cref="ReferenceAttention.ComputeSteps"/> finds on the way; float64. Two of them can be the same tensor.</summary>
/// <param name="Products">(B, H, Lq, Lk): scale · Q Kᵀ.</param>
/// <param name="Capped">(B, H, Lq, Lk): after the softcap.</param>
/// <param name="Biased">(B, H, Lq, Lk): after mask, causal diagonal and window; -∞ where a key is hidden.</param>
/// <param name="Weights">(B, H, Lq, Lk): after the softmax; a row whose keys are all hidden is zero.</param>
/// <param name="LogSumExp">(B, H, Lq): natural logarithm of the sum of exponentials; -∞ for a row whose keys are all hidden.</param>
/// <param name="Output">(B, H, Lq, Dv).</param>
public sealed record ReferenceSteps(
    Tensor Products, Tensor Capped, Tensor Biased, Tensor Weights, Tensor LogSumExp, Tensor Output);
