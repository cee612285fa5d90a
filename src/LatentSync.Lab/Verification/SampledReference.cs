using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Lab.Verification;

/// <summary>The right answer in float64 for a problem, whole while it is small, else for a seeded sample of heads and queries: always with
/// the first and the last, and those on both sides of the largest CUDA launch.</summary>
internal sealed class SampledReference : IDisposable
{
    private const int RowsPerHead = 64,
        LaunchLimit = TorchFlashRules.LaunchLimit;
    private readonly Tensor _batches; // (s), which sequence
    private readonly Tensor _heads; // (s), which head of it
    private readonly Tensor _rows; // (r), which queries of each

    /// <summary>Computes the answer.</summary>
    /// <param name="problem">The problem; without dropout.</param>
    /// <param name="inputs">Its operands, rank 4.</param>
    /// <param name="mostScores">Scores to compute, about.</param>
    /// <param name="seed">Seed of the sample.</param>
    internal SampledReference(in AttentionProblem problem, in AttentionInputs inputs, long mostScores, int seed)
    {
        using var scope = NewDisposeScope();
        long pairs = (long)problem.Batch * problem.HeadCount,
            keys = Math.Max(problem.KeyLength, 1);
        long rowsWanted = Math.Min(problem.QueryLength, RowsPerHead);
        long heads = Math.Clamp(mostScores / (keys * Math.Max(rowsWanted, 1)), 1, Math.Max(pairs, 1));
        long rows = Math.Clamp(mostScores / (keys * heads), 1, Math.Max(problem.QueryLength, 1));
        // No operation of seeded draws may depend on the machine: .NET's seeded generator is stable.
        var random = new Random(seed);
        long[] chosen = Sample(random, pairs, heads, LaunchLimit - 1, LaunchLimit);
        long headCount = problem.HeadCount,
            group = problem.HeadCount / problem.KvHeadCount;
        Device device = inputs.Query.device;
        Tensor batches = tensor([.. chosen.Select(pair => pair / headCount)], device: device);
        Tensor headOf = tensor([.. chosen.Select(pair => pair % headCount)], device: device);
        Tensor keyHeads = tensor([.. chosen.Select(pair => pair % headCount / group)], device: device);
        Tensor rowOf = tensor(Sample(random, problem.QueryLength, rows), device: device);
        // The chosen heads become the heads of one sequence: (1, s, r, D), (1, s, Lk, D), (1, s, Lk, Dv).
        Tensor query = Pick(inputs.Query, batches, headOf).index_select(1, rowOf).unsqueeze(0);
        Tensor key = Pick(inputs.Key, batches, keyHeads).unsqueeze(0),
            value = Pick(inputs.Value, batches, keyHeads).unsqueeze(0);
        var arguments = new AttentionArguments
        {
            Mask = MaskOf(problem, inputs.Mask, batches, headOf, rowOf),
            Scale = problem.EffectiveScale,
            Softcap = problem.Softcap,
        };
        Expected = ReferenceAttention.Compute(query, key, value, arguments).squeeze(0).DetachFromDisposeScope(); // (s, r, Dv)
        (_batches, _heads, _rows) = (batches.DetachFromDisposeScope(), headOf.DetachFromDisposeScope(), rowOf.DetachFromDisposeScope());
        CheckedRows = _batches.numel() * _rows.numel();
    }

    /// <summary>Rows that are compared.</summary>
    internal long CheckedRows { get; }

    /// <summary>(s, r, Dv), float64.</summary>
    internal Tensor Expected { get; }

    /// <summary>How far a result (B, H, Lq, Dv) is from the answer: the largest difference of an element, and the largest relative error of
    /// a row. NaN or infinite when the result is.</summary>
    internal (double MaxAbs, double Relative) ErrorOf(Tensor actual)
    {
        if (Expected.numel() == 0)
        {
            return (0, 0);
        }
        using var scope = NewDisposeScope();
        Tensor difference = Pick(actual, _batches, _heads).index_select(1, _rows).to(ScalarType.Float64).sub(Expected); // (s, r, Dv)
        Tensor sizes = Expected.mul(Expected).sum(-1).sqrt(); // (s, r)
        // A row that sees nothing must be exactly zero: any error of it counts as infinite.
        Tensor isExact = difference.eq(Scalars.Zero).all(-1);
        Tensor relative = difference.mul(difference).sum(-1).sqrt().div(sizes).masked_fill(isExact, Scalars.Zero);
        return (difference.abs().max().item<double>(), relative.max().item<double>());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Expected.Dispose();
        _batches.Dispose();
        _heads.Dispose();
        _rows.Dispose();
    }

    /// <summary>(B, H, L, dim) to (s, L, dim).</summary>
    internal static Tensor Pick(Tensor tensor, Tensor batches, Tensor heads) =>
        tensor.index(TensorIndex.Tensor(batches), TensorIndex.Tensor(heads));

    /// <summary>What the diagonal, the window and the mask leave to the sample: null, or boolean or additive, broadcastable to (1, s, r,
    /// Lk).</summary>
    internal static Tensor? MaskOf(in AttentionProblem problem, Tensor? mask, Tensor batches, Tensor heads, Tensor rows)
    {
        Tensor? given = mask is null
            ? null
            : Pick(mask.expand(problem.Batch, problem.HeadCount, problem.QueryLength, problem.KeyLength), batches, heads)
                .index_select(1, rows)
                .unsqueeze(0); // (1, s, r, Lk)
        if (!problem.IsCausal && !problem.HasWindow)
        {
            return given;
        }
        int offset = problem.CausalAlignment == CausalAlignment.BottomRight ? problem.KeyLength - problem.QueryLength : 0;
        Tensor keys = TensorArithmetic.Range(0, problem.KeyLength, ScalarType.Int64, rows.device); // (Lk)
        Tensor distance = keys.unsqueeze(0).sub(rows.unsqueeze(1)).Minus(offset); // (r, Lk)
        Tensor visible = distance.ge(Scalars.Of(-(problem.LeftWindow ?? int.MaxValue)));
        visible = visible.logical_and(distance.le(Scalars.Of(problem.IsCausal ? 0 : problem.RightWindow ?? int.MaxValue)));
        return given is null ? visible
            : given.dtype == ScalarType.Bool ? given.logical_and(visible)
            : given.masked_fill(visible.logical_not(), Scalars.NegativeInfinity);
    }

    /// <summary>So many of 0..count-1, ascending, each once: first, last, the wanted, and random ones.</summary>
    internal static long[] Sample(Random random, long count, long wanted, params long[] always)
    {
        if (wanted >= count)
        {
            return [.. Enumerable.Range(0, (int)count).Select(i => (long)i)];
        }
        SortedSet<long> chosen = [0, count - 1, .. always.Where(i => i < count)];
        while (chosen.Count < wanted)
        {
            chosen.Add(random.NextInt64(count));
        }
        return [.. chosen];
    }
}
