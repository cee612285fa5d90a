using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>cuDNN's fused attention on CUDA: 16 bits, masks, grouped heads. The result follows the query's order in memory.</summary>
public sealed class TorchCuDnnBackend : IAttentionBackend
{
    private readonly ITorchKernels _kernels;
    private readonly int _launchLimit;

    /// <summary>The backend on libtorch's kernel.</summary>
    public TorchCuDnnBackend()
        : this(LibTorchKernels.Instance) { }

    /// <summary>For tests: other kernels, another limit.</summary>
    internal TorchCuDnnBackend(ITorchKernels kernels, int launchLimit = TorchFlashRules.LaunchLimit) =>
        (_kernels, _launchLimit) = (kernels, launchLimit);

    /// <inheritdoc/>
    public string Name => AttentionBackendNames.TorchCuDnn;

    /// <inheritdoc/>
    public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs)
    {
        CudaOperands.Guard(Name, problem);
        using var scope = NewDisposeScope();
        if (!HiddenKeys.TryClear(problem, ref inputs))
        {
            return GuardedSlice.Run(problem, inputs).MoveToOuterDisposeScope();
        }
        // A mask and the causal flag together were not tried with this kernel: the diagonal joins the mask.
        bool mergesCausal = FusedRules.MergesCausal(problem);
        Tensor query = CudaOperands.Aligned(inputs.Query); // (B, H, Lq, D padded)
        Tensor key = CudaOperands.Aligned(inputs.Key); // (B, Hkv, Lk, D padded)
        Tensor value = CudaOperands.Aligned(inputs.Value); // (B, Hkv, Lk, Dv padded)
        CudaBias? bias = CudaOperands.Bias(problem, inputs, mergesCausal, keepsHeadOne: true);
        bool isCausal = problem.IsCausal && !mergesCausal,
            needsLogSumExp = problem.NeedsGradient;
        double scale = problem.EffectiveScale,
            dropout = problem.Dropout;
        (query, scale) = OperandForm.WithPositiveScale(query, scale);
        Tensor result = LaunchSplit
            .Run(
                _launchLimit,
                query,
                key,
                value,
                bias?.Tensor,
                (q, k, v, b) => _kernels.CuDnn(q, k, v, b, needsLogSumExp, dropout, isCausal, scale)
            )
            .Output;
        return CudaOperands.ZeroHidden(problem, result, bias).MoveToOuterDisposeScope(); // (B, H, Lq, Dv)
    }
}
