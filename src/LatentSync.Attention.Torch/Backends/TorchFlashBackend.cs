using LatentSync.Attention.Constraints;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
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
        Tensor query = Prepare(inputs.Query); // (B, H, Lq, dim)
        Tensor key = Prepare(inputs.Key); // (B, Hkv, Lk, dim)
        Tensor value = Prepare(inputs.Value); // (B, Hkv, Lk, dim)
        // The CPU kernel takes a float32 mask for 16-bit operands, but misreads one for float64 operands.
        bool keepsMask = problem.Mask is { Kind: AttentionMaskKind.Additive, DType: AttentionDType.Float32 } && problem.DType.Size() == 2;
        ScalarType? maskType = keepsMask ? null : inputs.Query.dtype;
        Tensor? mask = OperandForm.AdditiveMask(problem, inputs, maskType, mergesCausal);
        bool isCausal = problem.IsCausal && !mergesCausal;
        double scale = problem.EffectiveScale, dropout = problem.Dropout;
        int limit = isCuda || _launchLimit != TorchFlashRules.LaunchLimit ? _launchLimit : int.MaxValue;
        Tensor result = LaunchSplit.Run(limit, query, key, value, mask, (q, k, v, m) =>
            isCuda
                ? _kernels.FlashCuda(q, k, v, dropout, isCausal, scale)
                : _kernels.FlashCpu(q, k, v, m, isCausal, scale));
        return (dim == problem.ValueDim ? result : result.narrow(3, 0, problem.ValueDim)).MoveToOuterDisposeScope();

        Tensor Prepare(Tensor operand)
        {
            Tensor padded = OperandForm.PadTo(OperandForm.UnitStride(operand), dim);
            return isCuda ? CudaOperands.Aligned(padded) : padded;
        }
    }
}
