using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>libtorch's fused kernels: FlashAttention-2 on CUDA, the tiled kernel on the CPU. The result follows the query's order in
/// memory.</summary>
public sealed class TorchFlashBackend : IAttentionBackend
{
    private readonly ITorchKernels _kernels;
    private readonly int _launchLimit;

    /// <summary>The backend with the limits of CUDA.</summary>
    public TorchFlashBackend()
        : this(TorchFlashRules.LaunchLimit) { }

    /// <summary>For tests: splits calls at another limit, on the CPU too; other kernels.</summary>
    internal TorchFlashBackend(int launchLimit, ITorchKernels? kernels = null) =>
        (_launchLimit, _kernels) = (launchLimit, kernels ?? LibTorchKernels.Instance);

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
        if (!HiddenKeys.TryClear(problem, ref inputs))
        {
            return GuardedSlice.Run(problem, inputs).MoveToOuterDisposeScope();
        }
        bool isCuda = problem.Device.Kind == AttentionDeviceKind.Cuda;
        bool mergesCausal = TorchFlashRules.MergesCausal(problem);
        int largestDim = Math.Max(problem.HeadDim, problem.ValueDim);
        int dim = isCuda ? (largestDim + 7) / 8 * 8 : largestDim;
        Tensor query = Prepare(inputs.Query); // (B, H, Lq, dim)
        Tensor key = Prepare(inputs.Key); // (B, Hkv, Lk, dim)
        Tensor value = Prepare(inputs.Value); // (B, Hkv, Lk, dim)
        // The CPU kernel takes a float32 mask for 16-bit operands, but misreads one for float64 operands.
        Tensor? mask = OperandForm.AdditiveMask(problem, inputs, OperandForm.MaskType(problem), mergesCausal);
        bool isCausal = problem.IsCausal && !mergesCausal;
        double scale = problem.EffectiveScale,
            dropout = problem.Dropout;
        bool needsLogSumExp = problem.NeedsLogSumExp;
        (query, scale) = OperandForm.WithPositiveScale(query, scale);
        int limit = isCuda || _launchLimit != TorchFlashRules.LaunchLimit ? _launchLimit : int.MaxValue;
        (Tensor output, Tensor? logSumExp) = LaunchSplit.Run(
            limit,
            query,
            key,
            value,
            mask,
            (q, k, v, m) =>
                (isCuda, needsLogSumExp) switch
                {
                    (true, false) => _kernels.FlashCuda(q, k, v, dropout, isCausal, scale),
                    (true, true) => _kernels.FlashCudaWithLogSumExp(q, k, v, dropout, isCausal, scale),
                    (false, false) => _kernels.FlashCpu(q, k, v, m, isCausal, scale),
                    (false, true) => _kernels.FlashCpuWithLogSumExp(q, k, v, m, isCausal, scale),
                }
        );
        output = dim == problem.ValueDim ? output : output.narrow(3, 0, problem.ValueDim);
        logSumExp = logSumExp is null || mask is null ? logSumExp?.detach() : OfHiddenRows(logSumExp.detach(), mask);
        return new AttentionResult(output.MoveToOuterDisposeScope(), logSumExp?.MoveToOuterDisposeScope());

        Tensor Prepare(Tensor operand)
        {
            Tensor padded = OperandForm.PadTo(OperandForm.UnitStride(operand), dim);
            return isCuda ? CudaOperands.Aligned(padded) : padded;
        }
    }

    /// <summary>The CPU kernel gives 0 for some rows without a key; -∞ is right. On CUDA the rules leave no such row.</summary>
    private static Tensor OfHiddenRows(Tensor logSumExp, Tensor mask) =>
        logSumExp.masked_fill(mask.detach().amax([-1]).eq(Scalars.NegativeInfinity), Scalars.NegativeInfinity); // (mb, mh, mr) -> (B, H, Lq)
}
