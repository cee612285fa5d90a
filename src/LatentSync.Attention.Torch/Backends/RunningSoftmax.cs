using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>Softmax over keys that come in parts: per row the largest score so far, the sum of exponentials and of what they weigh, both
/// relative to that score. The tensors belong to the dispose scope it is made in.</summary>
internal sealed class RunningSoftmax
{
    private readonly Tensor _maximum; // (b, n·g, r, 1)
    private readonly Tensor _sum; // (b, n·g, r, 1), relative to the maximum

    /// <summary>Nothing seen yet.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="slice">Its rows.</param>
    /// <param name="columns">Numbers per row that are averaged.</param>
    /// <param name="device">Where.</param>
    internal RunningSoftmax(in AttentionProblem problem, in Slice slice, int columns, Device device)
    {
        ScalarType compute = SlicedForward.ComputeType(problem);
        long heads = (long)slice.KvHeadCount * (problem.HeadCount / problem.KvHeadCount);
        _maximum = full([slice.BatchCount, heads, slice.RowCount, 1], Scalars.NegativeInfinity, compute, device);
        _sum = zeros([slice.BatchCount, heads, slice.RowCount, 1], compute, device);
        Weighted = zeros([slice.BatchCount, heads, slice.RowCount, columns], compute, device);
    }

    /// <summary>(b, n·g, r, columns): sum over the keys so far of exp(score - maximum) times their numbers.</summary>
    internal Tensor Weighted { get; }

    /// <summary>Takes the next keys.</summary>
    /// <param name="scores">(b, n·g, r, c), c at least 1; overwritten.</param>
    /// <param name="weigh">From exp(scores - maximum), (b, n·g, r, c), to what is added up, (b, n·g, r, columns).</param>
    internal void Add(Tensor scores, Func<Tensor, Tensor> weigh)
    {
        using var scope = NewDisposeScope();
        Tensor maximum = scores.amax([-1], keepdim: true).maximum(_maximum);
        // A row that has seen no key yet has the maximum -∞: with 0 instead, its weights are exp(-∞) = 0 and not NaN.
        Tensor shift = maximum.masked_fill(maximum.eq(Scalars.NegativeInfinity), Scalars.Zero);
        Tensor weights = scores.sub_(shift).exp_();
        Tensor factor = _maximum.sub(shift).exp(); // what was added up so far, relative to the new maximum
        _sum.mul_(factor).add_(weights.sum([-1], keepdim: true), Scalars.One);
        Weighted.mul_(factor).add_(weigh(weights), Scalars.One);
        _maximum.copy_(maximum);
    }

    /// <summary>(b, n·g, r, columns): the weighted mean; 0 for a row that sees no key.</summary>
    internal Tensor Average() => Weighted.div(_sum.masked_fill(_sum.eq(Scalars.Zero), Scalars.One));

    /// <summary>The weights of some scores, exp(score - maximum) / sum, (b, n·g, r, c). Not by the logsumexp: in float32 it cannot hold the
    /// sum beside a maximum of 1e8.</summary>
    internal Tensor Weights(Tensor scores)
    {
        using var scope = NewDisposeScope();
        Tensor shift = _maximum.masked_fill(_maximum.eq(Scalars.NegativeInfinity), Scalars.Zero);
        Tensor weights = scores.sub(shift).exp_().div_(_sum.masked_fill(_sum.eq(Scalars.Zero), Scalars.One));
        return weights.MoveToOuterDisposeScope();
    }

    /// <summary>(b, n·g, r, 1): logarithm of the sum of exponentials; -∞ for a row that sees no key.</summary>
    internal Tensor LogSumExp() => _sum.log().add(_maximum, Scalars.One);
}
