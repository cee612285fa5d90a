using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>A part of a problem: some sequences, some key heads with the query heads that share them, some rows, the keys these can
/// see.</summary>
/// <param name="BatchStart">First sequence.</param>
/// <param name="BatchCount">Sequences (b).</param>
/// <param name="KvHeadStart">First key head.</param>
/// <param name="KvHeadCount">Key heads (n).</param>
/// <param name="RowStart">First query.</param>
/// <param name="RowCount">Queries (r).</param>
/// <param name="KeyStart">First key.</param>
/// <param name="KeyCount">Keys (c); 0 when the rows see none.</param>
internal readonly record struct Slice(
    int BatchStart,
    int BatchCount,
    int KvHeadStart,
    int KvHeadCount,
    int RowStart,
    int RowCount,
    int KeyStart,
    int KeyCount
)
{
    /// <summary>The slices of a problem, in order.</summary>
    internal static IEnumerable<Slice> Of(AttentionProblem problem, SliceShape shape)
    {
        for (int b = 0; b < problem.Batch; b += shape.Batches)
        {
            for (int h = 0; h < problem.KvHeadCount; h += shape.KvHeads)
            {
                for (int r = 0; r < problem.QueryLength; r += shape.Rows)
                {
                    int rows = Math.Min(shape.Rows, problem.QueryLength - r);
                    (int keyStart, int keyCount) = VisibleKeys(problem, r, r + rows);
                    int batches = Math.Min(shape.Batches, problem.Batch - b),
                        kvHeads = Math.Min(shape.KvHeads, problem.KvHeadCount - h);
                    yield return new Slice(b, batches, h, kvHeads, r, rows, keyStart, keyCount);
                }
            }
        }
    }

    private static (int Start, int Count) VisibleKeys(in AttentionProblem problem, int rowStart, int rowEnd)
    {
        long offset = OperandForm.DiagonalOffset(problem);
        long after = problem.IsCausal ? 0 : problem.RightWindow ?? int.MaxValue;
        long end = Math.Min(problem.KeyLength, rowEnd - 1 + offset + after + 1);
        long start = problem.LeftWindow is { } left ? Math.Max(0, rowStart + offset - left) : 0;
        return end > start ? ((int)start, (int)(end - start)) : (0, 0);
    }
}

/// <summary>Attention of one slice; see <see cref="SlicedForward.Attend"/>.</summary>
/// <param name="problem">The whole problem.</param>
/// <param name="slice">The part.</param>
/// <param name="query">(b, n·g, r, D).</param>
/// <param name="key">(b, n, c, D).</param>
/// <param name="value">(b, n, c, Dv).</param>
/// <param name="mask">null, or (1 or b, 1 or n·g, 1 or r, 1 or c).</param>
internal delegate AttentionResult SliceAttention(
    in AttentionProblem problem,
    in Slice slice,
    Tensor query,
    Tensor key,
    Tensor value,
    Tensor? mask
);

/// <summary>The forward pass of the sliced backend.</summary>
internal static class SlicedForward
{
    /// <summary>Computes slice by slice into one result. Call without gradient.</summary>
    internal static AttentionResult Run(
        in AttentionProblem problem,
        in AttentionInputs inputs,
        SliceShape shape,
        SliceAttention? attend = null
    )
    {
        using var scope = NewDisposeScope();
        Tensor? logSumExp = NewLogSumExp(problem, inputs);
        Tensor output = Run(problem, inputs, shape, logSumExp, attend);
        return new AttentionResult(output.MoveToOuterDisposeScope(), logSumExp?.MoveToOuterDisposeScope());
    }

    /// <summary>The same, with the logsumexp written into a given tensor.</summary>
    internal static Tensor Run(
        in AttentionProblem problem,
        in AttentionInputs inputs,
        SliceShape shape,
        Tensor? logSumExp,
        SliceAttention? attend = null
    )
    {
        using var scope = NewDisposeScope();
        attend ??= Attend;
        AttentionProblem p = problem;
        Tensor result = (
            p.QueryLayout == OperandLayout.LengthFirst
                ? empty(p.Batch, p.QueryLength, p.HeadCount, p.ValueDim, inputs.Query.dtype, inputs.Query.device).transpose(1, 2)
                : empty(p.Batch, p.HeadCount, p.QueryLength, p.ValueDim, inputs.Query.dtype, inputs.Query.device)
        ); // (B, H, Lq, Dv)
        foreach (Slice slice in Slice.Of(p, shape))
        {
            using var sliceScope = NewDisposeScope();
            AttentionResult part =
                slice.KeyCount > shape.Keys
                    ? SlicedKeys.Attend(p, inputs, slice, shape)
                    : attend(
                        p,
                        slice,
                        QueryOf(inputs.Query, p, slice),
                        KeysOf(inputs.Key, slice),
                        KeysOf(inputs.Value, slice),
                        MaskOf(inputs.Mask, p, slice)
                    );
            QueryOf(result, p, slice).copy_(part.Output);
            Keep(logSumExp, p, slice, part);
        }
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>Room for the logsumexp, (B, H, Lq); null when the problem does not need it.</summary>
    internal static Tensor? NewLogSumExp(in AttentionProblem problem, in AttentionInputs inputs) =>
        problem.NeedsLogSumExp
            ? full(
                [problem.Batch, problem.HeadCount, problem.QueryLength],
                Scalars.NegativeInfinity,
                ComputeType(problem),
                inputs.Query.device
            )
            : null;

    /// <summary>The type that scores are computed in.</summary>
    internal static ScalarType ComputeType(in AttentionProblem problem) => OperandForm.ScoreType(problem);

    /// <summary>The same, recorded by autograd, which keeps every slice's weights.</summary>
    internal static AttentionResult RunDifferentiable(
        in AttentionProblem problem,
        in AttentionInputs inputs,
        SliceShape shape,
        SliceAttention? attend = null
    )
    {
        using var scope = NewDisposeScope();
        attend ??= Attend;
        Tensor? logSumExp = NewLogSumExp(problem, inputs);
        if (problem.IsEmpty)
        {
            // Zeros that hang on the operands, so that their gradients are zeros and not missing.
            Tensor zero = inputs.Query.sum().add(inputs.Key.sum(), Scalars.One).add(inputs.Value.sum(), Scalars.One).mul(Scalars.Zero);
            Tensor zeros = zero.expand(problem.Batch, problem.HeadCount, problem.QueryLength, problem.ValueDim).contiguous();
            return new AttentionResult(zeros.MoveToOuterDisposeScope(), logSumExp?.MoveToOuterDisposeScope());
        }
        List<Tensor> sequences = [],
            heads = [],
            rows = [];
        foreach (Slice slice in Slice.Of(problem, shape))
        {
            AttentionResult part = attend(
                problem,
                slice,
                QueryOf(inputs.Query, problem, slice),
                KeysOf(inputs.Key, slice),
                KeysOf(inputs.Value, slice),
                MaskOf(inputs.Mask, problem, slice)
            );
            Keep(logSumExp, problem, slice, part);
            rows.Add(part.Output.to(inputs.Query.dtype));
            Join(rows, heads, 2, slice.RowStart + slice.RowCount == problem.QueryLength);
            Join(heads, sequences, 1, rows.Count == 0 && slice.KvHeadStart + slice.KvHeadCount == problem.KvHeadCount);
        }
        return new AttentionResult(cat(sequences, 0).MoveToOuterDisposeScope(), logSumExp?.MoveToOuterDisposeScope()); // (B, H, Lq, Dv)
    }

    /// <summary>Attention of one slice.</summary>
    /// <param name="problem">The whole problem.</param>
    /// <param name="slice">The part.</param>
    /// <param name="query">(b, n·g, r, D), g query heads per key head.</param>
    /// <param name="key">(b, n, c, D).</param>
    /// <param name="value">(b, n, c, Dv).</param>
    /// <param name="mask">null, or (1 or b, 1 or n·g, 1 or r, 1 or c).</param>
    /// <returns>(b, n·g, r, Dv) and, when the problem needs it, (b, n·g, r); float32 or float64.</returns>
    internal static AttentionResult Attend(
        in AttentionProblem problem,
        in Slice slice,
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? mask
    )
    {
        using var scope = NewDisposeScope();
        int group = problem.HeadCount / problem.KvHeadCount;
        long b = slice.BatchCount,
            n = slice.KvHeadCount,
            r = slice.RowCount,
            c = slice.KeyCount;
        Tensor weights = Scores(problem, slice, query, key, mask); // (b, n·g, r, c)
        Tensor? maximum = null;
        if (c > 0)
        {
            // A row that sees no key has the maximum -∞: with 0 instead, its weights are exp(-∞) = 0 and not NaN.
            maximum = weights.detach().amax([-1], keepdim: true); // (b, n·g, r, 1)
            maximum = maximum.masked_fill(maximum.eq(Scalars.NegativeInfinity), Scalars.Zero);
            weights = weights.requires_grad ? weights.sub(maximum).exp() : weights.sub_(maximum).exp_();
        }
        Tensor sum = weights.sum([-1], keepdim: true); // (b, n·g, r, 1)
        Tensor? logSumExp = null;
        if (problem.NeedsLogSumExp)
        {
            logSumExp = sum.detach().log(); // -∞ for a row that sees no key
            logSumExp = (maximum is null ? logSumExp : logSumExp.add(maximum, Scalars.One)).squeeze(-1);
        }
        if (problem.Dropout > 0)
        {
            weights = nn.functional.dropout(weights, problem.Dropout, training: true);
        }
        Tensor weighted = matmul(weights.view(b, n, group * r, c), value.to(sum.dtype)); // (b, n, g·r, Dv)
        weighted = weighted.view(b, n * group, r, problem.ValueDim); // (b, n·g, r, Dv)
        Tensor output = weighted.div(sum.masked_fill(sum.eq(Scalars.Zero), Scalars.One));
        return new AttentionResult(output.MoveToOuterDisposeScope(), logSumExp?.MoveToOuterDisposeScope());
    }

    /// <summary>Scores of one slice with scale, softcap and bias, -∞ where a key is hidden. Differentiable.</summary>
    /// <param name="problem">The whole problem.</param>
    /// <param name="slice">The part.</param>
    /// <param name="query">(b, n·g, r, D).</param>
    /// <param name="key">(b, n, c, D).</param>
    /// <param name="mask">null, or (1 or b, 1 or n·g, 1 or r, 1 or c).</param>
    /// <returns>(b, n·g, r, c), new, float32 or float64.</returns>
    internal static Tensor Scores(in AttentionProblem problem, in Slice slice, Tensor query, Tensor key, Tensor? mask)
    {
        using var scope = NewDisposeScope();
        ScalarType compute = ComputeType(problem);
        int group = problem.HeadCount / problem.KvHeadCount;
        long b = slice.BatchCount,
            n = slice.KvHeadCount,
            r = slice.RowCount,
            c = slice.KeyCount;
        Scalar scale = Scalars.Of(problem.EffectiveScale),
            softcap = Scalars.Of(problem.Softcap);
        Tensor scaled = query.to(compute).mul(scale).reshape(b, n, group * r, problem.HeadDim); // (b, n, g·r, D)
        Tensor scores = matmul(scaled, key.to(compute).transpose(2, 3)).view(b, n * group, r, c); // (b, n·g, r, c)
        if (problem.Softcap > 0)
        {
            scores = scores.div(softcap).tanh().mul(softcap);
        }
        if (mask is not null)
        {
            scores =
                mask.dtype == ScalarType.Bool
                    ? scores.masked_fill(mask.logical_not(), Scalars.NegativeInfinity)
                    : scores.add(mask.to(compute), Scalars.One);
        }
        if (problem.IsCausal || problem.HasWindow)
        {
            int rowEnd = slice.RowStart + slice.RowCount,
                keyEnd = slice.KeyStart + slice.KeyCount;
            Tensor visible = OperandForm.Visible(problem, slice.RowStart, rowEnd, slice.KeyStart, keyEnd, query.device); // (r, c)
            scores = scores.masked_fill(visible.logical_not(), Scalars.NegativeInfinity);
        }
        return scores.MoveToOuterDisposeScope();
    }

    /// <summary>The slice's part of a (B, H, Lq, ·) or (B, H, Lq) tensor.</summary>
    internal static Tensor QueryOf(Tensor tensor, in AttentionProblem problem, in Slice slice)
    {
        int group = problem.HeadCount / problem.KvHeadCount;
        return tensor
            .narrow(0, slice.BatchStart, slice.BatchCount)
            .narrow(1, slice.KvHeadStart * group, slice.KvHeadCount * group)
            .narrow(2, slice.RowStart, slice.RowCount);
    }

    /// <summary>The slice's part of a (B, Hkv, Lk, ·) tensor.</summary>
    internal static Tensor KeysOf(Tensor tensor, in Slice slice) =>
        tensor
            .narrow(0, slice.BatchStart, slice.BatchCount)
            .narrow(1, slice.KvHeadStart, slice.KvHeadCount)
            .narrow(2, slice.KeyStart, slice.KeyCount);

    /// <summary>The slice's part of a (1 or B, 1 or H, 1 or Lq, 1 or Lk) mask; sizes of 1 stay.</summary>
    internal static Tensor? MaskOf(Tensor? mask, in AttentionProblem problem, in Slice slice)
    {
        if (mask is null)
        {
            return null;
        }
        int group = problem.HeadCount / problem.KvHeadCount;
        Tensor part = Narrow(mask, 0, slice.BatchStart, slice.BatchCount);
        part = Narrow(part, 1, slice.KvHeadStart * group, slice.KvHeadCount * group);
        part = Narrow(part, 2, slice.RowStart, slice.RowCount);
        return Narrow(part, 3, slice.KeyStart, slice.KeyCount);

        static Tensor Narrow(Tensor tensor, int dimension, int start, int count) =>
            tensor.size(dimension) == 1 ? tensor : tensor.narrow(dimension, start, count);
    }

    private static void Keep(Tensor? logSumExp, in AttentionProblem problem, in Slice slice, in AttentionResult part)
    {
        if (logSumExp is not null)
        {
            QueryOf(logSumExp, problem, slice).copy_(part.LogSumExp!);
        }
    }

    private static void Join(List<Tensor> parts, List<Tensor> whole, int dimension, bool isComplete)
    {
        if (isComplete && parts.Count > 0)
        {
            whole.Add(parts.Count == 1 ? parts[0] : cat(parts, dimension));
            parts.Clear();
        }
    }
}
