using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Lab.Verification;

/// <summary>The right gradients in float64: of all key heads while the problem is small, else of a seeded sample of them with all their
/// queries, by autograd over some queries at a time.</summary>
internal sealed class GradientReference : IDisposable
{
    private readonly Tensor[] _batches; // of query, key and value: which sequence, (s·g), (s), (s)
    private readonly Tensor[] _heads; // which head of it
    private readonly Tensor[] _expected; // float64: (s·g, Lq, D), (s, Lk, D), (s, Lk, Dv)

    /// <summary>Computes the gradients.</summary>
    /// <param name="problem">The problem; without dropout.</param>
    /// <param name="inputs">Its operands, rank 4.</param>
    /// <param name="outputGradient">(B, H, Lq, Dv).</param>
    /// <param name="mostScores">Scores that are in memory at once, about, and of whole key heads in all; one key head is always
    /// computed.</param>
    /// <param name="seed">Seed of the sample.</param>
    internal GradientReference(in AttentionProblem problem, in AttentionInputs inputs, Tensor outputGradient, long mostScores, int seed)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        int group = problem.HeadCount / problem.KvHeadCount,
            kvHeads = problem.KvHeadCount;
        long pairs = (long)problem.Batch * kvHeads,
            scores = Math.Max((long)group * problem.QueryLength * problem.KeyLength, 1);
        long[] chosen = SampledReference.Sample(new Random(seed), pairs, Math.Clamp(mostScores / scores, 1, Math.Max(pairs, 1)));
        Device device = inputs.Query.device;
        Tensor batches = tensor([.. chosen.Select(pair => pair / kvHeads)], device: device);
        Tensor heads = tensor([.. chosen.Select(pair => pair % kvHeads)], device: device);
        Tensor queryBatches = tensor([.. chosen.SelectMany(pair => Enumerable.Repeat(pair / kvHeads, group))], device: device);
        Tensor queryHeads = tensor(
            [.. chosen.SelectMany(pair => Enumerable.Range(0, group).Select(i => pair % kvHeads * group + i))],
            device: device
        );
        // The chosen heads become the heads of one sequence.
        Tensor query = Exact(inputs.Query, queryBatches, queryHeads); // (1, s·g, Lq, D)
        Tensor key = Exact(inputs.Key, batches, heads),
            value = Exact(inputs.Value, batches, heads); // (1, s, Lk, D), (1, s, Lk, Dv)
        Tensor gradient = Exact(outputGradient, queryBatches, queryHeads); // (1, s·g, Lq, Dv)
        Tensor[] sums = [zeros_like(query), zeros_like(key), zeros_like(value)];
        long rows = Math.Max(mostScores / Math.Max(chosen.Length * (long)group * problem.KeyLength, 1), 1);
        for (long first = 0; first < problem.QueryLength && chosen.Length > 0 && problem.KeyLength > 0; first += rows)
        {
            using var part = NewDisposeScope();
            long count = Math.Min(rows, problem.QueryLength - first);
            Tensor positions = TensorArithmetic.Range(first, first + count, ScalarType.Int64, device);
            var arguments = new AttentionArguments
            {
                Mask = SampledReference.MaskOf(problem, inputs.Mask, queryBatches, queryHeads, positions),
                Scale = problem.EffectiveScale,
                Softcap = problem.Softcap,
            };
            IList<Tensor> found;
            using (enable_grad())
            {
                Tensor[] leaves = [Leaf(query.narrow(2, first, count)), Leaf(key), Leaf(value)];
                Tensor output = ReferenceAttention.Compute(leaves[0], leaves[1], leaves[2], arguments, inputs.Query.dtype);
                found = autograd.grad([output], leaves, [gradient.narrow(2, first, count)]);
            }
            sums[0].narrow(2, first, count).copy_(found[0]);
            sums[1].add_(found[1], Scalars.One);
            sums[2].add_(found[2], Scalars.One);
        }
        _expected = [.. sums.Select(sum => sum.squeeze(0).DetachFromDisposeScope())];
        _batches = [queryBatches.DetachFromDisposeScope(), batches.DetachFromDisposeScope()];
        _heads = [queryHeads.DetachFromDisposeScope(), heads.DetachFromDisposeScope()];
        CheckedRows = chosen.Length * (long)group * problem.QueryLength;
    }

    /// <summary>Query rows that are compared, each with the keys and values it sees.</summary>
    internal long CheckedRows { get; }

    /// <summary>How far a gradient is from the answer: the largest difference of an element, and the largest error of a row relative to
    /// that row, or to the root mean square row of its head where that is larger: a key that nobody looks at has a gradient of almost
    /// nothing, left over from sums that cancel.</summary>
    /// <param name="actual">(B, H or Hkv, L, dim).</param>
    /// <param name="operand">0 for the query's, 1 for the key's, 2 for the value's.</param>
    internal (double MaxAbs, double Relative) ErrorOf(Tensor actual, int operand)
    {
        Tensor expected = _expected[operand];
        if (expected.numel() == 0)
        {
            return (0, 0);
        }
        using var scope = NewDisposeScope();
        int heads = Math.Min(operand, 1);
        Tensor difference = SampledReference.Pick(actual, _batches[heads], _heads[heads]).to(ScalarType.Float64).sub(expected); // (s, L, dim)
        Tensor sizes = expected.mul(expected).sum(-1); // (s, L), squared
        Tensor least = sizes.mean([1], keepdim: true); // (s, 1)
        Tensor isExact = difference.eq(Scalars.Zero).all(-1);
        Tensor relative = difference.mul(difference).sum(-1).div(sizes.maximum(least)).sqrt().masked_fill(isExact, Scalars.Zero);
        return (difference.abs().max().item<double>(), relative.max().item<double>());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor tensor in (Tensor[])[.. _batches, .. _heads, .. _expected])
        {
            tensor.Dispose();
        }
    }

    private static Tensor Exact(Tensor tensor, Tensor batches, Tensor heads) =>
        SampledReference.Pick(tensor, batches, heads).unsqueeze(0).to(ScalarType.Float64);

    private static Tensor Leaf(Tensor tensor) => tensor.detach().requires_grad_();
}
