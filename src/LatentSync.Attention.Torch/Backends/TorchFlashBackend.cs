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
    public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs)
    {
        if (problem.IsEmpty || problem.Softcap > 0 || inputs.Mask is { } given && problem.Device.Kind == AttentionDeviceKind.Cuda)
        {
            // The kernel would crash the process, or ignore what it was given.
            throw new InvalidOperationException($"{Name} was called against its rules: {problem.Describe()}.");
        }
        using var scope = NewDisposeScope();
        bool isCuda = problem.Device.Kind == AttentionDeviceKind.Cuda;
        bool mergesCausal = TorchFlashRules.MergesCausal(problem);
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
        bool needsLogSumExp = problem.NeedsLogSumExp;
        (Tensor output, Tensor? logSumExp) = (isCuda || _launchLimit != TorchFlashRules.LaunchLimit) && (long)problem.Batch * problem.HeadCount > _launchLimit
            ? Split(problem, query, key, value, mask, Attend)
            : Attend(query, key, value, mask);
        output = dim == problem.ValueDim ? output : output.narrow(3, 0, problem.ValueDim);
        logSumExp = logSumExp is null || mask is null ? logSumExp?.detach() : OfHiddenRows(logSumExp.detach(), mask);
        return new AttentionResult(output.MoveToOuterDisposeScope(), logSumExp?.MoveToOuterDisposeScope());

        AttentionResult Attend(Tensor q, Tensor k, Tensor v, Tensor? m) =>
            (isCuda, needsLogSumExp) switch
            {
                (true, false) => TorchOperators.FlashCuda(q, k, v, dropout, isCausal, scale),
                (true, true) => TorchOperators.FlashCudaWithLogSumExp(q, k, v, dropout, isCausal, scale),
                (false, false) => TorchOperators.FlashCpu(q, k, v, m, isCausal, scale),
                (false, true) => TorchOperators.FlashCpuWithLogSumExp(q, k, v, m, isCausal, scale),
            };
    }

    /// <summary>The CPU kernel gives 0 for some rows without a key; -∞ is right. On CUDA the rules leave no such row.</summary>
    private static Tensor OfHiddenRows(Tensor logSumExp, Tensor mask) =>
        logSumExp.masked_fill(mask.detach().amax([-1]).eq(double.NegativeInfinity), double.NegativeInfinity); // (mb, mh, mr) -> (B, H, Lq)

    private AttentionResult Split(
        in AttentionProblem problem, Tensor query, Tensor key, Tensor value, Tensor? mask,
        Func<Tensor, Tensor, Tensor, Tensor?, AttentionResult> attend)
    {
        int group = problem.HeadCount / problem.KvHeadCount;
        var sequences = new List<AttentionResult>();
        var heads = new List<AttentionResult>();
        foreach (LaunchChunk chunk in LaunchChunks.Split(problem.Batch, problem.HeadCount, group, _launchLimit))
        {
            heads.Add(attend(
                Part(query, chunk, 1), Part(key, chunk, group), Part(value, chunk, group), mask is null ? null : Part(mask, chunk, 1)));
            if (chunk.HeadStart + chunk.HeadCount == problem.HeadCount)
            {
                sequences.Add(Join(heads, 1)); // (chunk's B, H, Lq, dim)
                heads.Clear();
            }
        }
        return Join(sequences, 0); // (B, H, Lq, dim)
    }

    private static AttentionResult Join(List<AttentionResult> parts, int dimension) =>
        parts.Count == 1
            ? parts[0]
            : new AttentionResult(
                cat([.. parts.Select(part => part.Output)], dimension),
                parts[0].LogSumExp is null ? null : cat([.. parts.Select(part => part.LogSumExp!)], dimension));

    private static Tensor Part(Tensor tensor, LaunchChunk chunk, int group)
    {
        Tensor part = tensor.size(0) == 1 ? tensor : tensor.narrow(0, chunk.BatchStart, chunk.BatchCount);
        return part.size(1) == 1 ? part : part.narrow(1, chunk.HeadStart / group, chunk.HeadCount / group);
    }
}
