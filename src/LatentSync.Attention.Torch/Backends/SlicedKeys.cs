using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>A slice of the sliced backend whose keys do not fit into the workspace: part after part of the keys, joined by running
/// maximum and sum (online softmax, Milakov and Gimelshein, arXiv:1805.02867).</summary>
internal static class SlicedKeys
{
    /// <summary>Attention of one slice. Call without gradient.</summary>
    /// <param name="problem">The whole problem.</param>
    /// <param name="inputs">Its operands.</param>
    /// <param name="slice">Rows and keys.</param>
    /// <param name="shape">How many keys at a time.</param>
    /// <returns>(b, n·g, r, Dv) and, when the problem needs it, (b, n·g, r); float32 or float64.</returns>
    internal static AttentionResult Attend(in AttentionProblem problem, in AttentionInputs inputs, in Slice slice, SliceShape shape)
    {
        using var scope = NewDisposeScope();
        double dropout = problem.Dropout;
        long n = slice.KvHeadCount;
        var running = new RunningSoftmax(problem, slice, problem.ValueDim, inputs.Query.device);
        Tensor query = SlicedForward.QueryOf(inputs.Query, problem, slice).to(SlicedForward.ComputeType(problem));
        foreach (Slice part in Parts(slice, shape))
        {
            using var partScope = NewDisposeScope();
            Tensor scores = SlicedForward.Scores(
                problem,
                part,
                query,
                SlicedForward.KeysOf(inputs.Key, part),
                SlicedForward.MaskOf(inputs.Mask, problem, part)
            );
            Tensor value = SlicedForward.KeysOf(inputs.Value, part).to(scores.dtype); // (b, n, c, Dv)
            running.Add(scores, weights => matmul(Grouped(Dropped(weights), n), value).view_as(running.Weighted));
        }
        Tensor? logSumExp = problem.NeedsLogSumExp ? running.LogSumExp().squeeze(-1) : null;
        return new AttentionResult(running.Average().MoveToOuterDisposeScope(), logSumExp?.MoveToOuterDisposeScope());

        Tensor Dropped(Tensor weights) => dropout > 0 ? nn.functional.dropout(weights, dropout, training: true) : weights;
    }

    /// <summary>Gradients of one slice. With weights P = exp(scores - maximum) / sum and dP = dO Vᵀ: dV = Pᵀ dO and the scores' gradient is
    /// P·(dP - Σ P·dP) (FlashAttention-2, arXiv:2307.08691, algorithm 2). The first pass over the keys finds maximum, sum and Σ
    /// P·dP.</summary>
    /// <param name="problem">The whole problem.</param>
    /// <param name="inputs">Its operands.</param>
    /// <param name="slice">Rows and keys.</param>
    /// <param name="shape">How many keys at a time.</param>
    /// <param name="outputGradient">dO, (b, n·g, r, Dv), float32 or float64.</param>
    /// <param name="gradients">Are added to.</param>
    internal static void Backpropagate(
        in AttentionProblem problem,
        in AttentionInputs inputs,
        in Slice slice,
        SliceShape shape,
        Tensor outputGradient,
        SlicedGradients gradients
    )
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        long n = slice.KvHeadCount,
            b = slice.BatchCount;
        Tensor grouped = outputGradient.reshape(b, n, -1, problem.ValueDim); // (b, n, g·r, Dv)
        Tensor query = SlicedForward.QueryOf(inputs.Query, problem, slice).to(outputGradient.dtype);
        var running = new RunningSoftmax(problem, slice, 1, query.device);
        foreach (Slice part in Parts(slice, shape))
        {
            using var partScope = NewDisposeScope();
            Tensor scores = SlicedForward.Scores(
                problem,
                part,
                query,
                SlicedForward.KeysOf(inputs.Key, part),
                SlicedForward.MaskOf(inputs.Mask, problem, part)
            );
            Tensor weightGradient = WeightGradient(inputs, part, scores);
            running.Add(scores, weights => weights.mul(weightGradient).sum([-1], keepdim: true));
        }
        Tensor average = running.Average(); // (b, n·g, r, 1)
        foreach (Slice part in Parts(slice, shape))
        {
            using var partScope = NewDisposeScope();
            Tensor queryLeaf = SlicedFunction.Leaf(query, query.dtype);
            Tensor keyLeaf = SlicedFunction.Leaf(SlicedForward.KeysOf(inputs.Key, part), query.dtype);
            Tensor? mask = SlicedForward.MaskOf(inputs.Mask, problem, part);
            mask = gradients.Mask is null ? mask?.detach() : SlicedFunction.Leaf(mask!, query.dtype);
            Tensor scores;
            using (enable_grad())
            {
                scores = SlicedForward.Scores(problem, part, queryLeaf, keyLeaf, mask);
            }
            Tensor weights = running.Weights(scores.detach()); // P
            Tensor valueGradient = matmul(Grouped(weights, n).transpose(2, 3), grouped); // (b, n, c, Dv)
            Tensor scoreGradient = WeightGradient(inputs, part, scores).sub_(average).mul_(weights);
            IList<Tensor> leaves = gradients.Mask is null ? [queryLeaf, keyLeaf] : [queryLeaf, keyLeaf, mask!];
            IList<Tensor> found = autograd.grad([scores], leaves, [scoreGradient]);
            gradients.Add(problem, part, found[0], found[1], valueGradient, found.ElementAtOrDefault(2));
        }

        Tensor WeightGradient(in AttentionInputs operands, in Slice part, Tensor scores) =>
            matmul(grouped, SlicedForward.KeysOf(operands.Value, part).to(grouped.dtype).transpose(2, 3)).view_as(scores); // dP
    }

    /// <summary>(b, n·g, r, c) as (b, n, g·r, c).</summary>
    private static Tensor Grouped(Tensor weights, long n) => weights.view(weights.size(0), n, -1, weights.size(3));

    /// <summary>The same rows with some of the keys, in order.</summary>
    private static IEnumerable<Slice> Parts(Slice slice, SliceShape shape)
    {
        for (int start = 0; start < slice.KeyCount; start += shape.Keys)
        {
            yield return slice with
            {
                KeyStart = slice.KeyStart + start,
                KeyCount = Math.Min(shape.Keys, slice.KeyCount - start),
            };
        }
    }
}
