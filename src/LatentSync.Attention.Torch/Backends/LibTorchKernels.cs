using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>libtorch's own kernels.</summary>
internal sealed class LibTorchKernels : ITorchKernels
{
    internal static LibTorchKernels Instance { get; } = new();

    public Tensor FlashCpu(Tensor query, Tensor key, Tensor value, Tensor? mask, bool isCausal, double scale) =>
        TorchOperators.FlashCpu(query, key, value, mask, isCausal, scale);

    public Tensor FlashCuda(Tensor query, Tensor key, Tensor value, double dropout, bool isCausal, double scale) =>
        TorchOperators.FlashCuda(query, key, value, dropout, isCausal, scale);

    public AttentionResult FlashCpuWithLogSumExp(Tensor query, Tensor key, Tensor value, Tensor? mask, bool isCausal, double scale) =>
        TorchOperators.FlashCpuWithLogSumExp(query, key, value, mask, isCausal, scale);

    public AttentionResult FlashCudaWithLogSumExp(Tensor query, Tensor key, Tensor value, double dropout, bool isCausal, double scale) =>
        TorchOperators.FlashCudaWithLogSumExp(query, key, value, dropout, isCausal, scale);

    public Tensor Efficient(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? bias,
        bool needsLogSumExp,
        double dropout,
        bool isCausal,
        double scale
    ) => TorchOperators.Efficient(query, key, value, bias, needsLogSumExp, dropout, isCausal, scale);

    public Tensor CuDnn(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? bias,
        bool needsLogSumExp,
        double dropout,
        bool isCausal,
        double scale
    ) => TorchOperators.CuDnn(query, key, value, bias, needsLogSumExp, dropout, isCausal, scale);

    public Tensor Math(Tensor query, Tensor key, Tensor value, Tensor? mask, double dropout, bool isCausal, double scale, bool enableGqa) =>
        TorchOperators.Math(query, key, value, mask, dropout, isCausal, scale, enableGqa);
}
