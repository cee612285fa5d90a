using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>Attention with keys or values that hold NaN or infinity and are seen by some queries and hidden from others. Products are
/// formed with zeros instead, and what the plain evaluation gives is put in only where the key is seen: neither result nor gradient of
/// another query meets it. The way of every backend for such problems: they are rare, and no kernel of libtorch computes them.</summary>
internal static class GuardedSlice
{
    /// <summary>The whole result, slice by slice; recorded by autograd, which keeps every slice's weights, when the problem needs
    /// gradients.</summary>
    internal static AttentionResult Run(in AttentionProblem problem, in AttentionInputs inputs)
    {
        // The indicators below take twice a slice's room; keys are never cut.
        SliceShape shape = SliceShape.For(problem, SliceShape.DefaultWorkspaceBytes / 2) with
        {
            Keys = Math.Max(problem.KeyLength, 1),
        };
        if (problem.NeedsGradient)
        {
            return SlicedForward.RunDifferentiable(problem, inputs, shape, Attend);
        }
        using IDisposable noGradient = no_grad();
        return SlicedForward.Run(problem, inputs, shape, Attend);
    }

    /// <summary><see cref="SlicedForward.Attend"/> for such operands.</summary>
    private static AttentionResult Attend(in AttentionProblem problem, in Slice slice, Tensor query, Tensor key, Tensor value, Tensor? mask)
    {
        if (slice.KeyCount == 0)
        {
            return SlicedForward.Attend(problem, slice, query, key, value, mask);
        }
        using var scope = NewDisposeScope();
        ScalarType compute = SlicedForward.ComputeType(problem);
        long b = slice.BatchCount,
            n = slice.KvHeadCount,
            g = problem.HeadCount / problem.KvHeadCount,
            r = slice.RowCount,
            c = slice.KeyCount;
        Tensor visible =
            HiddenKeys.Visible(problem, mask, slice.RowStart, slice.RowCount, slice.KeyStart, slice.KeyCount, query.device)
            ?? ones([1, 1, 1, 1], ScalarType.Bool, query.device);
        visible = visible.expand(b, n * g, r, c).reshape(b, n, g * r, c);
        Tensor k = key.to(compute),
            v = value.to(compute);
        Tensor scores = SlicedForward.Scores(problem, slice, query, Numbers(k), mask).view(b, n, g * r, c);
        Tensor isOdd = k.isfinite().all(-1).logical_not().unsqueeze(2).logical_and(visible); // (b, n, g·r, c)
        Tensor plain = SlicedForward.Scores(problem, slice, query.detach(), k.detach(), mask?.detach()).view(b, n, g * r, c);
        scores = where(isOdd, plain, scores);

        Tensor maximum = scores.detach().amax([-1], keepdim: true); // (b, n, g·r, 1)
        maximum = maximum.masked_fill(maximum.eq(Scalars.NegativeInfinity), Scalars.Zero);
        Tensor weights = scores.sub(maximum).exp();
        Tensor sum = weights.sum([-1], keepdim: true);
        Tensor? logSumExp = problem.NeedsLogSumExp ? sum.detach().log().add(maximum, Scalars.One).view(b, n * g, r) : null;
        if (problem.Dropout > 0)
        {
            weights = nn.functional.dropout(weights, problem.Dropout, training: true);
        }
        // The sum as a factor leads a NaN on to the gradients of the scores, as the plain product would.
        Tensor weighted = matmul(weights, Numbers(v)).add(sum.mul(Odd(weights.detach(), visible, v.detach())), Scalars.One);
        Tensor output = weighted.div(sum.masked_fill(sum.eq(Scalars.Zero), Scalars.One)).view(b, n * g, r, problem.ValueDim);
        return new AttentionResult(output.MoveToOuterDisposeScope(), logSumExp?.MoveToOuterDisposeScope());
    }

    /// <summary>What values that are no numbers come to in a weighted sum, (b, n, g·r, Dv): 0, ±∞ or NaN.</summary>
    private static Tensor Odd(Tensor weights, Tensor visible, Tensor value)
    {
        Tensor weighs = weights.gt(Scalars.Zero),
            isWeightless = visible.logical_and(weights.eq(Scalars.Zero));
        Tensor up = AnyOf(weighs, value.isposinf()),
            down = AnyOf(weighs, value.isneginf());
        Tensor isNaN = AnyOf(visible, value.isnan()).logical_or(AnyOf(isWeightless, value.isinf())).logical_or(up.logical_and(down));
        return zeros(up.shape, weights.dtype, weights.device)
            .masked_fill_(up, Scalars.Of(double.PositiveInfinity))
            .masked_fill_(down, Scalars.NegativeInfinity)
            .masked_fill_(isNaN, Scalars.Of(double.NaN));

        Tensor AnyOf(Tensor keys, Tensor values) => matmul(keys.to(weights.dtype), values.to(weights.dtype)).gt(Scalars.Zero);
    }

    private static Tensor Numbers(Tensor tensor) => tensor.masked_fill(tensor.detach().isfinite().logical_not(), Scalars.Zero);
}
