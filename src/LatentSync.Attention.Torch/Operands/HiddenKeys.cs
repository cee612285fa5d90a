using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Operands;

/// <summary>Keeps what hidden keys and values hold out of results: padding is often memory that nobody has written, NaN and infinity
/// included. Most kernels multiply a hidden value by a weight of zero, and zero times NaN is NaN.</summary>
internal static class HiddenKeys
{
    /// <summary>Makes operands that a kernel may multiply by zero. Temporaries belong to the caller's dispose scope.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="inputs">Normal operands. Key and value are replaced, with zeros where no query sees them, when they hold NaN or
    /// infinity; gradients pass through.</param>
    /// <returns>false when NaN or infinity is left that one query sees and another does not: such a problem needs
    /// <see cref="Backends.GuardedSlice"/>. A problem that hides nothing is not looked at, and is true.</returns>
    internal static bool TryClear(in AttentionProblem problem, ref AttentionInputs inputs)
    {
        if (problem.IsEmpty || !CanHide(problem) || IsFinite(inputs.Key) && IsFinite(inputs.Value))
        {
            return true;
        }
        Tensor unseen = Seen(problem, inputs).logical_not(); // (1 or B, 1 or Hkv, Lk, 1)
        inputs = inputs with { Key = inputs.Key.masked_fill(unseen, Scalars.Zero), Value = inputs.Value.masked_fill(unseen, Scalars.Zero) };
        return IsFinite(inputs.Key) && IsFinite(inputs.Value);
    }

    /// <summary>Mask, diagonal or window may hide a key from a query.</summary>
    internal static bool CanHide(in AttentionProblem problem)
    {
        (long first, long last) = Band(problem);
        return problem.Mask.Kind != AttentionMaskKind.None
            || first + problem.QueryLength - 1 > 0 // the last query does not see the first key
            || last < problem.KeyLength - 1; // the first query does not see the last key
    }

    /// <summary>Which keys each query sees, boolean, (1 or b, 1 or h, 1 or rows, 1 or keys); null for all.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="mask">The part's mask, normal; null for none.</param>
    /// <param name="rowStart">First query of the part.</param>
    /// <param name="rows">Its queries.</param>
    /// <param name="keyStart">First key of the part.</param>
    /// <param name="keys">Its keys.</param>
    /// <param name="device">Where.</param>
    internal static Tensor? Visible(
        in AttentionProblem problem,
        Tensor? mask,
        int rowStart,
        int rows,
        int keyStart,
        int keys,
        Device device
    )
    {
        Tensor? given = mask is null ? null : Visible(problem, mask);
        if (!problem.IsCausal && !problem.HasWindow)
        {
            return given;
        }
        Tensor band = OperandForm.Visible(problem, rowStart, rowStart + rows, keyStart, keyStart + keys, device).view(1, 1, rows, keys);
        return given is null ? band : given.logical_and(band);
    }

    /// <summary>Every element is a number. On a GPU one sum tells it, but for numbers so large that their sum is infinite.</summary>
    private static bool IsFinite(Tensor tensor)
    {
        if (tensor.device_type == DeviceType.CPU)
        {
            return FiniteScan.IsFinite(tensor);
        }
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        ScalarType wide = tensor.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        return double.IsFinite(tensor.sum(wide).to(ScalarType.Float64).item<double>()) || tensor.isfinite().all().item<bool>();
    }

    /// <summary>(1 or B, 1 or Hkv, Lk, 1): the keys that a query sees.</summary>
    private static Tensor Seen(in AttentionProblem problem, in AttentionInputs inputs)
    {
        using IDisposable noGradient = no_grad();
        int keys = problem.KeyLength;
        if (inputs.Mask is { } rows && rows.size(2) > 1)
        {
            Tensor visible = Visible(problem, rows, 0, problem.QueryLength, 0, keys, inputs.Key.device)!;
            return ByKeyHead(problem, visible.any(2));
        }
        // The queries' bands follow each other key by key, so that together they are one.
        (long first, long last) = Band(problem);
        Tensor positions = TensorArithmetic.Range(0, keys, ScalarType.Int64, inputs.Key.device);
        Tensor band = positions
            .ge(Scalars.Of(first))
            .logical_and(positions.le(Scalars.Of(last + problem.QueryLength - 1)))
            .view(1, 1, keys);
        return ByKeyHead(problem, inputs.Mask is { } mask ? Visible(problem, mask).squeeze(2).logical_and(band) : band);
    }

    private static Tensor Visible(in AttentionProblem problem, Tensor mask) =>
        mask.dtype == ScalarType.Bool ? mask : mask.detach().to(OperandForm.ScoreType(problem)).ne(Scalars.NegativeInfinity);

    /// <summary>(1 or B, 1 or H, 1 or Lk) to (1 or B, 1 or Hkv, Lk, 1).</summary>
    private static Tensor ByKeyHead(in AttentionProblem problem, Tensor seen)
    {
        Tensor whole = seen.expand(seen.size(0), seen.size(1), problem.KeyLength);
        Tensor heads =
            whole.size(1) == 1 || !problem.IsGrouped
                ? whole
                : whole.reshape(whole.size(0), problem.KvHeadCount, -1, problem.KeyLength).any(2);
        return heads.unsqueeze(-1);
    }

    /// <summary>First and last key that query 0 sees by diagonal and window; those of query i are i further.</summary>
    private static (long First, long Last) Band(in AttentionProblem problem)
    {
        const long Beyond = 1L << 40; // further than any key, and sums with it stay small
        long offset = OperandForm.DiagonalOffset(problem);
        long first = problem.LeftWindow is { } left ? offset - left : -Beyond;
        long last =
            problem.IsCausal ? offset
            : problem.RightWindow is { } right ? offset + right
            : Beyond;
        return (first, last);
    }
}
