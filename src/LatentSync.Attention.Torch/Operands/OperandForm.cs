using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Operands;

/// <summary>Cures of cheap violations: views, paddings, masks. Temporaries belong to the caller's dispose scope.</summary>
internal static class OperandForm
{
    /// <summary>Whether the operands already have the form that backends take.</summary>
    internal static bool IsNormal(in AttentionProblem problem) => problem is { Rank: 4, BroadcastsBatch: false, Mask.Rank: 0 or 4 };

    /// <summary>Views of the operands as (B, H, L, D) with equal batches, and of the mask with rank 4.</summary>
    internal static AttentionInputs Normalize(in AttentionProblem problem, Tensor query, Tensor key, Tensor value, Tensor? mask)
    {
        AttentionProblem p = problem;
        return new AttentionInputs(
            Rank4(query, p.HeadCount, p.QueryLength, p.HeadDim),
            Rank4(key, p.KvHeadCount, p.KeyLength, p.HeadDim),
            Rank4(value, p.KvHeadCount, p.KeyLength, p.ValueDim),
            mask is null ? null : NormalMask(mask, p, query)
        );

        Tensor Rank4(Tensor tensor, int heads, int length, int dim) =>
            p.Rank == 4 ? tensor.expand(p.Batch, heads, length, dim) : tensor.reshape(p.Batch, heads, length, dim);
    }

    /// <summary>The last dimension with stride 1; a copy only when it has another.</summary>
    internal static Tensor UnitStride(Tensor tensor) => tensor.stride(3) == 1 || tensor.size(3) == 1 ? tensor : tensor.contiguous();

    /// <summary>The last dimension padded with zeros.</summary>
    internal static Tensor PadTo(Tensor tensor, int dim) =>
        tensor.size(3) == dim ? tensor : nn.functional.pad(tensor, [0, dim - tensor.size(3)]);

    /// <summary>The same products with a positive scale. The fused kernels hide keys with -∞ before they scale, or look for a row's maximum
    /// there: with a scale that is not positive the result would be NaN.</summary>
    internal static (Tensor Query, double Scale) WithPositiveScale(Tensor query, double scale) =>
        scale > 0 ? (query, scale)
        : scale < 0 ? (query.neg(), -scale)
        : (query.mul(Scalars.Zero), 1);

    /// <summary>The type that scores are computed in, and masks are added in.</summary>
    internal static ScalarType ScoreType(in AttentionProblem problem) =>
        problem.DType == AttentionDType.Float64 ? ScalarType.Float64 : ScalarType.Float32;

    /// <summary>The type in which a kernel that adds to such scores is given a mask: the query's when the mask has it or is boolean, else
    /// that of the scores. In float16 a float32 mask's -1e9 would be -∞, and hide what it only pushes back.</summary>
    internal static ScalarType MaskType(in AttentionProblem problem) =>
        problem.Mask.Kind == AttentionMaskKind.Additive && problem.Mask.DType != problem.DType
            ? ScoreType(problem)
            : TensorFacts.ScalarTypeOf(problem.DType);

    /// <summary>The mask as something to add, in the given type: 0 where a key is seen, -∞ where it is hidden. null when there is nothing
    /// to add.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="inputs">Normal operands.</param>
    /// <param name="dtype">Element type of the result.</param>
    /// <param name="mergesCausal">The diagonal and the window become part of it.</param>
    internal static Tensor? AdditiveMask(in AttentionProblem problem, in AttentionInputs inputs, ScalarType dtype, bool mergesCausal)
    {
        Tensor? mask =
            inputs.Mask is null ? null
            : inputs.Mask.dtype == ScalarType.Bool ? FromBoolean(inputs.Mask, dtype)
            : inputs.Mask.to(dtype);
        if (!mergesCausal)
        {
            return mask;
        }
        using Tensor visible = Visible(problem, 0, problem.QueryLength, 0, problem.KeyLength, inputs.Query.device);
        return mask is null
            ? FromBoolean(visible.view(1, 1, problem.QueryLength, problem.KeyLength), dtype)
            : mask.masked_fill(visible.logical_not(), Scalars.NegativeInfinity); // (mb, mh, Lq, Lk)
    }

    /// <summary>Which keys the causal diagonal and the window leave visible: boolean (rows, keys) of a part of the score matrix.</summary>
    internal static Tensor Visible(in AttentionProblem problem, int rowStart, int rowEnd, int keyStart, int keyEnd, Device device)
    {
        using var scope = NewDisposeScope();
        int offset = DiagonalOffset(problem);
        Tensor diagonal = TensorArithmetic.Range(rowStart + offset, rowEnd + offset, ScalarType.Int64, device).unsqueeze(1); // (rows, 1)
        Tensor keys = TensorArithmetic.Range(keyStart, keyEnd, ScalarType.Int64, device).unsqueeze(0); // (1, keys)
        Tensor visible = ones(rowEnd - rowStart, keyEnd - keyStart, dtype: ScalarType.Bool, device: device);
        if (problem.IsCausal)
        {
            visible = visible.logical_and(keys.le(diagonal));
        }
        if (problem.LeftWindow is { } left)
        {
            visible = visible.logical_and(keys.ge(diagonal.Minus(left)));
        }
        if (problem.RightWindow is { } right)
        {
            visible = visible.logical_and(keys.le(diagonal.Plus(right)));
        }
        return visible.MoveToOuterDisposeScope();
    }

    /// <summary>The key on the diagonal of query 0.</summary>
    internal static int DiagonalOffset(in AttentionProblem problem) =>
        problem.CausalAlignment == CausalAlignment.BottomRight ? problem.KeyLength - problem.QueryLength : 0;

    private static Tensor FromBoolean(Tensor mask, ScalarType dtype)
    {
        using Tensor hidden = mask.logical_not();
        return zeros(mask.shape, dtype, mask.device).masked_fill_(hidden, Scalars.NegativeInfinity);
    }

    private static Tensor NormalMask(Tensor mask, in AttentionProblem problem, Tensor query)
    {
        AttentionMask facts = problem.Mask;
        Tensor whole =
            problem.Rank <= 4 || facts.Batch == 1 ? mask : mask.expand([.. query.shape[..^3], facts.Heads, facts.Rows, facts.Columns]);
        return whole.reshape(facts.Batch, facts.Heads, facts.Rows, facts.Columns);
    }
}
