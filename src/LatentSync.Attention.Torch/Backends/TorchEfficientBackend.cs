using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>libtorch's memory-efficient kernel (CUTLASS) on CUDA: any head dim, float32 too, masks. It wants as many key heads as query
/// heads, so that grouped keys are repeated. In memory the result is (B, Lq, H, Dv), whatever the query's order: an ordinary
/// <c>transpose(1, 2).reshape(B, Lq, H·Dv)</c> is free.</summary>
public sealed class TorchEfficientBackend : IAttentionBackend
{
    private readonly ITorchKernels _kernels;
    private readonly int _launchLimit;

    /// <summary>The backend on libtorch's kernel.</summary>
    public TorchEfficientBackend()
        : this(LibTorchKernels.Instance) { }

    /// <summary>For tests: other kernels, another limit.</summary>
    internal TorchEfficientBackend(ITorchKernels kernels, int launchLimit = TorchFlashRules.LaunchLimit) =>
        (_kernels, _launchLimit) = (kernels, launchLimit);

    /// <inheritdoc/>
    public string Name => AttentionBackendNames.TorchEfficient;

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
        Tensor key = CudaOperands.Aligned(CudaOperands.RepeatHeads(problem, inputs.Key)); // (B, H, Lk, D padded)
        Tensor value = CudaOperands.Aligned(CudaOperands.RepeatHeads(problem, inputs.Value)); // (B, H, Lk, Dv padded)
        CudaBias? bias = CudaOperands.Bias(problem, inputs, mergesCausal, keepsHeadOne: false);
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
                (q, k, v, b) => _kernels.Efficient(q, k, v, b, needsLogSumExp, dropout, isCausal, scale)
            )
            .Output;
        return CudaOperands.ZeroHidden(problem, result, bias).MoveToOuterDisposeScope(); // (B, H, Lq, Dv)
    }
}
