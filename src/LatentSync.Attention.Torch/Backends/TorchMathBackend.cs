using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>libtorch's standard path: the whole score matrix, 16-bit operands widened to float32. The result is contiguous (B, H, Lq,
/// Dv).</summary>
public sealed class TorchMathBackend : IAttentionBackend
{
    private readonly ITorchKernels _kernels;

    /// <summary>The backend.</summary>
    public TorchMathBackend()
        : this(LibTorchKernels.Instance) { }

    /// <summary>For tests: other kernels.</summary>
    internal TorchMathBackend(ITorchKernels kernels) => _kernels = kernels;

    /// <inheritdoc/>
    public string Name => AttentionBackendNames.TorchMath;

    /// <inheritdoc/>
    public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs)
    {
        using var scope = NewDisposeScope();
        if (!HiddenKeys.TryClear(problem, ref inputs))
        {
            return GuardedSlice.Run(problem, inputs).MoveToOuterDisposeScope();
        }
        bool mergesCausal = FusedRules.MergesCausal(problem);
        // The operator adds a boolean mask as numbers; only the function above it converts. It adds to float32 scores for 16-bit operands
        // too.
        Tensor? mask = OperandForm.AdditiveMask(problem, inputs, OperandForm.MaskType(problem), mergesCausal);
        Tensor result = _kernels.Math(
            inputs.Query,
            inputs.Key,
            inputs.Value,
            mask,
            problem.Dropout,
            problem.IsCausal && !mergesCausal,
            problem.EffectiveScale,
            enableGqa: problem.IsGrouped
        );
        return result.MoveToOuterDisposeScope(); // (B, H, Lq, Dv)
    }
}
