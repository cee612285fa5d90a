using LatentSync.Attention.Constraints;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>libtorch's fused kernels: FlashAttention-2 on CUDA, the tiled kernel on the CPU. The result follows the query's order in
/// memory.</summary>
public sealed class TorchFlashBackend : IAttentionBackend
{
    private readonly int _launchLimit;

    /// <summary>The backend with the limits of CUDA.</summary>
    public TorchFlashBackend()
        : this(TorchFlashRules.LaunchLimit) { }

    /// <summary>For tests: splits calls at another limit, on the CPU too.</summary>
    internal TorchFlashBackend(int launchLimit) => _launchLimit = launchLimit;

    /// <inheritdoc/>
    public string Name => AttentionBackendNames.TorchFlash;

    /// <inheritdoc/>
    public Tensor Run(in AttentionProblem problem, AttentionInputs inputs)
    {
        if (problem.IsEmpty || problem.Softcap > 0 || inputs.Mask is { } given && problem.Device.Kind == AttentionDeviceKind.Cuda)
        {
            // The kernel would crash the process, or ignore what it was given.
            throw new InvalidOperationException($"{Name} was called against its rules: {problem.Describe()}.");
        }
        using var scope = NewDisposeScope();
        bool isCuda = problem.Device.Kind == AttentionDeviceKind.Cuda;
        bool mergesCausal = !isCuda && (problem.IsShiftedCausal || problem.HasWindow);
        int largestDim = Math.Max(problem.HeadDim, problem.ValueDim);
        int dim = isCuda ? (largestDim + 7) / 8 * 8 : largestDim;
        Tensor query = OperandForm.PadTo(OperandForm.UnitStride(inputs.Query), dim); // (B, H, Lq, dim)
        Tensor key = OperandForm.PadTo(OperandForm.UnitStride(inputs.Key), dim); // (B, Hkv, Lk, dim)
        Tensor value = OperandForm.PadTo(OperandForm.UnitStride(inputs.Value), dim); // (B, Hkv, Lk, dim)
        // The CPU kernel takes a float32 mask for 16-bit operands, but misreads one for float64 operands.
        bool keepsMask = problem.Mask is { Kind: AttentionMaskKind.Additive, DType: AttentionDType.Float32 } && problem.DType.Size() == 2;
        ScalarType? maskType = keepsMask ? null : inputs.Query.dtype;
        Tensor? mask = OperandForm.AdditiveMask(problem, inputs, maskType, mergesCausal);
        bool isCausal = problem.IsCausal && !mergesCausal;
        double scale = problem.EffectiveScale, dropout = problem.Dropout;
        Tensor result = (isCuda || _launchLimit != TorchFlashRules.LaunchLimit) && (long)problem.Batch * problem.HeadCount > _launchLimit
            ? Split(problem, query, key, value, mask, Attend)
            : Attend(query, key, value, mask);
        return (dim == problem.ValueDim ? result : result.narrow(3, 0, problem.ValueDim)).MoveToOuterDisposeScope();

        Tensor Attend(Tensor q, Tensor k, Tensor v, Tensor? m) =>
            isCuda
                ? TorchOperators.FlashCuda(q, k, v, dropout, isCausal, scale)
                : TorchOperators.FlashCpu(q, k, v, m, isCausal, scale);
    }

    private Tensor Split(
        in AttentionProblem problem, Tensor query, Tensor key, Tensor value, Tensor? mask,
        Func<Tensor, Tensor, Tensor, Tensor?, Tensor> attend)
    {
        int group = problem.HeadCount / problem.KvHeadCount;
        var sequences = new List<Tensor>();
        var heads = new List<Tensor>();
        foreach (LaunchChunk chunk in LaunchChunks.Split(problem.Batch, problem.HeadCount, group, _launchLimit))
        {
            heads.Add(attend(
                Part(query, chunk, 1), Part(key, chunk, group), Part(value, chunk, group), mask is null ? null : Part(mask, chunk, 1)));
            if (chunk.HeadStart + chunk.HeadCount == problem.HeadCount)
            {
                sequences.Add(heads.Count == 1 ? heads[0] : cat(heads, 1)); // (chunk's B, H, Lq, dim)
                heads.Clear();
            }
        }
        return cat(sequences, 0); // (B, H, Lq, dim)
    }

    private static Tensor Part(Tensor tensor, LaunchChunk chunk, int group)
    {
        Tensor part = tensor.size(0) == 1 ? tensor : tensor.narrow(0, chunk.BatchStart, chunk.BatchCount);
        return part.size(1) == 1 ? part : part.narrow(1, chunk.HeadStart / group, chunk.HeadCount / group);
    }
}
