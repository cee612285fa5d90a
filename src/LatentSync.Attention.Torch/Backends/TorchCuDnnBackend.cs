using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Operands;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>cuDNN's fused attention on CUDA: 16 bits, masks, grouped heads. The result follows the query's order in memory.</summary>
public sealed class TorchCuDnnBackend : IAttentionBackend
{
    private readonly FusedCuda _call;

    /// <summary>The backend on libtorch's kernel.</summary>
    public TorchCuDnnBackend()
        : this(LibTorchKernels.Instance) { }

    /// <summary>For tests: other kernels, another limit.</summary>
    internal TorchCuDnnBackend(ITorchKernels kernels, int launchLimit = TorchFlashRules.LaunchLimit) =>
        _call = new FusedCuda(Name, kernels.CuDnn, launchLimit, takesGroupedKeys: true);

    /// <inheritdoc/>
    public string Name => AttentionBackendNames.TorchCuDnn;

    /// <inheritdoc/>
    public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs) => _call.Run(problem, inputs);
}
