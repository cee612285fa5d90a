using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>A call of one of libtorch's fused kernels on CUDA that take a bias: operands are padded and aligned, grouped keys repeated
/// where
/// the kernel wants that, large launches split.</summary>
/// <param name="name">The backend's name.</param>
/// <param name="kernel">The kernel.</param>
/// <param name="launchLimit">Most sequences times heads of a launch.</param>
/// <param name="takesGroupedKeys">The kernel takes fewer key heads than query heads, and a bias with one head.</param>
internal sealed class FusedCuda(string name, FusedKernel kernel, int launchLimit, bool takesGroupedKeys)
{
    /// <summary>Computes a problem; the result is (B, H, Lq, Dv).</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="inputs">Its operands.</param>
    public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs)
    {
        CudaOperands.Guard(name, problem);
        using var scope = NewDisposeScope();
        if (!HiddenKeys.TryClear(problem, ref inputs))
        {
            return GuardedSlice.Run(problem, inputs).MoveToOuterDisposeScope();
        }
        // A mask and the causal flag together were not tried with these kernels: the diagonal joins the mask.
        bool mergesCausal = FusedRules.MergesCausal(problem);
        Tensor query = CudaOperands.Aligned(inputs.Query); // (B, H, Lq, D padded)
        // (B, Hkv or H, Lk, D padded) and (B, Hkv or H, Lk, Dv padded)
        Tensor key = CudaOperands.Aligned(takesGroupedKeys ? inputs.Key : CudaOperands.RepeatHeads(problem, inputs.Key));
        Tensor value = CudaOperands.Aligned(takesGroupedKeys ? inputs.Value : CudaOperands.RepeatHeads(problem, inputs.Value));
        CudaBias? bias = CudaOperands.Bias(problem, inputs, mergesCausal, keepsHeadOne: takesGroupedKeys);
        bool isCausal = problem.IsCausal && !mergesCausal,
            needsLogSumExp = problem.NeedsGradient;
        double scale = problem.EffectiveScale,
            dropout = problem.Dropout;
        (query, scale) = OperandForm.WithPositiveScale(query, scale);
        Tensor result = LaunchSplit
            .Run(launchLimit, query, key, value, bias?.Tensor, (q, k, v, b) => kernel(q, k, v, b, needsLogSumExp, dropout, isCausal, scale))
            .Output;
        return CudaOperands.ZeroHidden(problem, result, bias).MoveToOuterDisposeScope(); // (B, H, Lq, Dv)
    }
}

/// <summary>One of <see cref="ITorchKernels"/>' kernels with a bias.</summary>
/// <param name="query">(B, H, Lq, D), last stride 1.</param>
/// <param name="key">(B, H or Hkv, Lk, D).</param>
/// <param name="value">(B, H or Hkv, Lk, Dv).</param>
/// <param name="bias">null, or (B, H or 1, Lq, Lk).</param>
/// <param name="needsLogSumExp">The backward pass will follow.</param>
/// <param name="dropout">Probability.</param>
/// <param name="isCausal">Top-left causal.</param>
/// <param name="scale">Factor on Q Kᵀ.</param>
/// <returns>(B, H, Lq, Dv).</returns>
internal delegate Tensor FusedKernel(
    Tensor query,
    Tensor key,
    Tensor value,
    Tensor? bias,
    bool needsLogSumExp,
    double dropout,
    bool isCausal,
    double scale
);
