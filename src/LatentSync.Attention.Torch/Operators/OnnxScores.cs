using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Operators;

/// <summary>The operator's score output, which no kernel returns: computed piece by piece in float32 or float64, so that beside the result
/// only a piece is in memory.</summary>
internal static class OnnxScores
{
    private const long PieceBytes = 64L << 20;

    /// <summary>The scores that the attributes ask for.</summary>
    /// <returns>(B, Hq, Sq, T), the type of the result, without gradient.</returns>
    internal static Tensor Compute(OnnxOperands operands)
    {
        using IDisposable noGradient = no_grad();
        Scalar scale = Scalars.Of(operands.Scale);
        using var scope = NewDisposeScope();
        ScalarType compute = operands.ComputeType == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        int group = operands.HeadCount / operands.KvHeadCount;
        // Scores, their exponentials, a mask, booleans.
        long rowBytes = 4L * group * Math.Max(operands.KeyLength, 1) * compute.ElementSize();
        int rows = (int)Math.Clamp(PieceBytes / rowBytes, 1, Math.Max(operands.QueryLength, 1));
        Tensor result = empty(
            [operands.Batch, operands.HeadCount, operands.QueryLength, operands.KeyLength],
            operands.ResultType,
            operands.Query.device
        );
        for (int b = 0; b < operands.Batch; b++)
        {
            for (int n = 0; n < operands.KvHeadCount; n++)
            {
                using var headScope = NewDisposeScope();
                Tensor key = operands.Key[b, n].to(compute).transpose(0, 1); // (D, T)
                for (int r = 0; r < operands.QueryLength && operands.KeyLength > 0; r += rows)
                {
                    using var pieceScope = NewDisposeScope();
                    int count = Math.Min(rows, operands.QueryLength - r);
                    Tensor query = operands.Query[b].narrow(0, n * group, group).narrow(1, r, count); // (g, r, D)
                    Tensor products = matmul(query.to(compute).mul(scale), key); // (g, r, T)
                    result[b].narrow(0, n * group, group).narrow(1, r, count).copy_(After(operands, products, b, n * group, r));
                }
            }
        }
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>The steps after the products.</summary>
    private static Tensor After(OnnxOperands operands, Tensor products, int sequence, int head, int row)
    {
        OnnxScoreOutput wanted = operands.Attributes.ScoreOutput;
        Scalar softcap = Scalars.Of(operands.Softcap);
        Tensor scores =
            operands.Softcap > 0 && wanted != OnnxScoreOutput.Products ? products.div_(softcap).tanh_().mul_(softcap) : products;
        if (wanted is OnnxScoreOutput.Products or OnnxScoreOutput.Capped)
        {
            return scores;
        }
        AddMask(operands, scores, sequence, head, row);
        scores.masked_fill_(Hidden(operands, scores, sequence, row), Scalars.NegativeInfinity);
        if (wanted == OnnxScoreOutput.Biased)
        {
            return scores;
        }
        Tensor maximum = scores.amax([-1], keepdim: true); // (g, r, 1)
        Tensor weights = scores.sub_(maximum.masked_fill(maximum.eq(Scalars.NegativeInfinity), Scalars.Zero)).exp_();
        Tensor sum = weights.sum([-1], keepdim: true);
        return weights.div_(sum.masked_fill(sum.eq(Scalars.Zero), Scalars.One));
    }

    private static void AddMask(OnnxOperands operands, Tensor scores, int sequence, int head, int row)
    {
        if (operands.Mask is not { } mask)
        {
            return;
        }
        Tensor part = mask[mask.size(0) == 1 ? 0 : sequence]; // (1 or Hq, 1 or Sq, at most T)
        part = part.size(0) == 1 ? part : part.narrow(0, head, scores.size(0));
        part = part.size(1) == 1 ? part : part.narrow(1, row, scores.size(1));
        Tensor known = scores.narrow(2, 0, part.size(2)); // the keys after a short mask are hidden below
        if (mask.dtype == ScalarType.Bool)
        {
            known.masked_fill_(part.logical_not(), Scalars.NegativeInfinity);
            return;
        }
        Tensor bias = part.to(scores.dtype);
        known.add_(bias, Scalars.One).masked_fill_(bias.eq(Scalars.NegativeInfinity), Scalars.NegativeInfinity); // a hidden key may hold NaN
    }

    /// <summary>Keys that the causal diagonal, the window, the lengths or the end of a short mask hide: (r, T).</summary>
    private static Tensor Hidden(OnnxOperands operands, Tensor scores, int sequence, int row)
    {
        KeyBand band = KeyBand.Of(operands.Attributes, operands.OffsetOf(sequence));
        Tensor keys = TensorArithmetic.Range(0, scores.size(2), ScalarType.Int64, scores.device).unsqueeze(0); // (1, T)
        Tensor rows = TensorArithmetic.Range(row, row + scores.size(1), ScalarType.Int64, scores.device).unsqueeze(1); // (r, 1)
        Tensor hidden = keys.ge(Scalars.Of(operands.KeysOf(sequence))).expand(scores.size(1), -1);
        if (band.Last is { } last)
        {
            hidden = hidden.logical_or(keys.gt(rows.Plus(last)));
        }
        return band.First is { } first ? hidden.logical_or(keys.lt(rows.Plus(first))) : hidden;
    }
}
