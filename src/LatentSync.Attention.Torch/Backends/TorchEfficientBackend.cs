using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Operands;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>libtorch's memory-efficient kernel (CUTLASS) on CUDA: any head dim, float32 too, masks. It wants as many key heads as query
/// heads, so that grouped keys are repeated. In memory the result is (B, Lq, H, Dv), whatever the query's order: an ordinary
/// <c>transpose(1, 2).reshape(B, Lq, H·Dv)</c> is free.</summary>
public sealed class TorchEfficientBackend : IAttentionBackend
{
    private readonly FusedCuda _call;

    /// <summary>The backend on libtorch's kernel.</summary>
    public TorchEfficientBackend()
        : this(LibTorchKernels.Instance) { }

    /// <summary>For tests: other kernels, another limit.</summary>
    internal TorchEfficientBackend(ITorchKernels kernels, int launchLimit = TorchFlashRules.LaunchLimit) =>
        _call = new FusedCuda(Name, kernels.Efficient, launchLimit, takesGroupedKeys: false);

    /// <inheritdoc/>
    public string Name => AttentionBackendNames.TorchEfficient;

    /// <inheritdoc/>
    public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs) => _call.Run(problem, inputs);
}
