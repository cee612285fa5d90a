using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>The oracle: attention in float64 with the whole score matrix, written for reading, not for speed. Used by tests and
/// <c>attention verify</c>; never a plan. Shares no arithmetic with the backends.</summary>
/// <remarks>Scores are rounded to the type that a backend keeps them in: float32, or float64 for float64 operands. With a bias of -1e12 the
/// float32 scores of a row are all equal, and so are the right weights; in float64 they would not be. Everything else is float64. A sum
/// that overflows follows the type of the scores: -∞ weighs nothing, +∞ makes its row NaN. Keys that a query does not see contribute
/// nothing to its row and to its gradients, NaN and infinity included.</remarks>
public static class ReferenceAttention
{
    /// <summary>softmax(softcap(scale · Q Kᵀ) + bias) V in float64. Differentiable. Dropout is ignored.</summary>
    /// <param name="query">(B, H, Lq, D).</param>
    /// <param name="key">(B, Hkv, Lk, D).</param>
    /// <param name="value">(B, Hkv, Lk, Dv).</param>
    /// <param name="arguments">Mask, causal, scale, softcap, window.</param>
    /// <param name="dtype">Element type of the problem that is judged, when the operands here are wider; null (default): the
    /// query's.</param>
    /// <returns>(B, H, Lq, Dv), float64. A row whose keys are all hidden is zero.</returns>
    public static Tensor Compute(Tensor query, Tensor key, Tensor value, in AttentionArguments arguments, ScalarType? dtype = null)
    {
        using var scope = NewDisposeScope();
        return ComputeSteps(query, key, value, arguments, dtype).Output.MoveToOuterDisposeScope();
    }

    /// <summary>The same, with everything on the way. All float64.</summary>
    /// <param name="query">(B, H, Lq, D).</param>
    /// <param name="key">(B, Hkv, Lk, D).</param>
    /// <param name="value">(B, Hkv, Lk, Dv).</param>
    /// <param name="arguments">Mask, causal, scale, softcap, window.</param>
    /// <param name="dtype">As in <see cref="Compute"/>.</param>
    /// <returns>New tensors in the caller's dispose scope.</returns>
    public static ReferenceSteps ComputeSteps(
        Tensor query,
        Tensor key,
        Tensor value,
        in AttentionArguments arguments,
        ScalarType? dtype = null
    )
    {
        using var scope = NewDisposeScope();
        ScalarType scoreType = (dtype ?? query.dtype) == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        long lq = query.size(-2),
            lk = key.size(-2),
            group = query.dim() >= 3 ? query.size(-3) / key.size(-3) : 1;
        Tensor q = query.to(ScalarType.Float64),
            k = key.to(ScalarType.Float64),
            v = value.to(ScalarType.Float64);
        if (group > 1)
        {
            (k, v) = (k.repeat_interleave(group, -3), v.repeat_interleave(group, -3)); // (B, H, Lk, D), (B, H, Lk, Dv)
        }
        Scalar scale = Scalars.Of(arguments.Scale ?? 1.0 / Math.Sqrt(query.size(-1))),
            softcap = Scalars.Of(arguments.Softcap);
        Tensor products = Rounded(Products(q, k).mul(scale), scoreType); // (B, H, Lq, Lk)
        Tensor capped = arguments.Softcap > 0 ? Rounded(tanh(products / softcap) * softcap, scoreType) : products;
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
                Tensor bias = Rounded(mask.to(ScalarType.Float64), scoreType);
                Tensor isHidden = bias.eq(Scalars.NegativeInfinity);
                scores = Rounded(scores.add(bias.masked_fill(isHidden, Scalars.Zero), Scalars.One), scoreType);
                hidden = hidden.logical_or(isHidden);
            }
        }
        // Rows that see nothing get the softmax of zeros and are then multiplied by zero.
        Tensor biased = scores.masked_fill(hidden, Scalars.NegativeInfinity); // (B, H, Lq, Lk)
        Tensor seesNothing = biased.eq(Scalars.NegativeInfinity).all(-1, keepdim: true);
        Tensor weights = nn.functional.softmax(biased.masked_fill(seesNothing, Scalars.Zero), -1).masked_fill(seesNothing, Scalars.Zero);
        return Kept(products, capped, biased, weights, biased.logsumexp(-1), Weighted(weights, hidden, v)); // v: (B, H, Lk, Dv)
    }

    /// <summary>Q Kᵀ. A key that holds NaN or infinity is left out of the product that is differentiated: hidden ones would reach the
    /// query's gradient as zero times NaN.</summary>
    private static Tensor Products(Tensor query, Tensor key)
    {
        Tensor isOdd = key.isfinite().all(-1).logical_not(); // (B, H, Lk)
        if (!isOdd.any().item<bool>())
        {
            return matmul(query, key.transpose(-1, -2));
        }
        Tensor numbers = matmul(query, key.masked_fill(isOdd.unsqueeze(-1), Scalars.Zero).transpose(-1, -2));
        return where(isOdd.unsqueeze(-2), matmul(query.detach(), key.detach().transpose(-1, -2)), numbers);
    }

    /// <summary>Σ weights · V over the keys that a row sees.</summary>
    private static Tensor Weighted(Tensor weights, Tensor hidden, Tensor value)
    {
        Tensor isOdd = value.isfinite().logical_not(); // (B, H, Lk, Dv)
        Tensor sum = matmul(weights, value.masked_fill(isOdd, Scalars.Zero));
        Tensor rows = isOdd.any(-1); // (B, H, Lk)
        if (!rows.any().item<bool>())
        {
            return sum;
        }
        // Key after key: what a row sees is added with its weight, as it stands.
        for (long j = 0; j < value.size(-2); j++)
        {
            if (rows.select(-1, j).any().item<bool>())
            {
                Tensor numbers = value.select(-2, j).detach().masked_fill(isOdd.select(-2, j).logical_not(), Scalars.Zero).unsqueeze(-2);
                Tensor product = weights.select(-1, j).unsqueeze(-1).mul(numbers); // (B, H, Lq, Dv)
                Tensor isSeen = hidden
                    .expand_as(weights)
                    .select(-1, j)
                    .unsqueeze(-1)
                    .logical_not()
                    .logical_and(isOdd.select(-2, j).unsqueeze(-2));
                sum = where(isSeen, sum.add(product, Scalars.One), sum);
            }
        }
        return sum;
    }

    /// <summary>The same numbers with the precision and the range of a type, still float64; the gradient is not rounded.</summary>
    private static Tensor Rounded(Tensor tensor, ScalarType type)
    {
        if (type == ScalarType.Float64)
        {
            return tensor;
        }
        Tensor exact = tensor.detach(),
            change = exact.to(type).to(ScalarType.Float64).sub(exact);
        return tensor.add(change.masked_fill(exact.isfinite().logical_not(), Scalars.Zero), Scalars.One);
    }

    private static ReferenceSteps Kept(Tensor products, Tensor capped, Tensor biased, Tensor weights, Tensor logSumExp, Tensor output) =>
        new(
            products.MoveToOuterDisposeScope(),
            capped.MoveToOuterDisposeScope(),
            biased.MoveToOuterDisposeScope(),
            weights.MoveToOuterDisposeScope(),
            logSumExp.MoveToOuterDisposeScope(),
            output.MoveToOuterDisposeScope()
        );

    private static Tensor Hidden(long lq, long lk, in AttentionArguments arguments)
    {
        long offset = arguments.CausalAlignment == CausalAlignment.BottomRight ? lk - lq : 0;
        var hidden = new bool[lq * lk];
        for (long i = 0; i < lq; i++)
        {
            for (long j = 0; j < lk; j++)
            {
                long distance = j - (i + offset); // keys after the diagonal are positive
                hidden[i * lk + j] =
                    arguments.IsCausal && distance > 0
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
public sealed record ReferenceSteps(Tensor Products, Tensor Capped, Tensor Biased, Tensor Weights, Tensor LogSumExp, Tensor Output);
