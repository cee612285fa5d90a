using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>libtorch's own kernels.</summary>
internal sealed class LibTorchKernels : ITorchKernels
{
    internal static LibTorchKernels Instance { get; } = new();

    public AttentionResult FlashCpu(Tensor query, Tensor key, Tensor value, Tensor? mask, bool isCausal, double scale, bool needsLogSumExp) =>
        needsLogSumExp
            ? TorchOperators.FlashCpuWithLogSumExp(query, key, value, mask, isCausal, scale)
            : TorchOperators.FlashCpu(query, key, value, mask, isCausal, scale);

    public AttentionResult FlashCuda(
        Tensor query, Tensor key, Tensor value, double dropout, bool isCausal, double scale, bool needsLogSumExp) =>
        needsLogSumExp
            ? TorchOperators.FlashCudaWithLogSumExp(query, key, value, dropout, isCausal, scale)
            : TorchOperators.FlashCuda(query, key, value, dropout, isCausal, scale);

    public Tensor Efficient(
        Tensor query, Tensor key, Tensor value, Tensor? bias, bool needsLogSumExp, double dropout, bool isCausal, double scale) =>
        TorchOperators.Efficient(query, key, value, bias, needsLogSumExp, dropout, isCausal, scale);

    public Tensor CuDnn(
        Tensor query, Tensor key, Tensor value, Tensor? bias, bool needsLogSumExp, double dropout, bool isCausal, double scale) =>
        TorchOperators.CuDnn(query, key, value, bias, needsLogSumExp, dropout, isCausal, scale);

    public Tensor Math(
        Tensor query, Tensor key, Tensor value, Tensor? mask, double dropout, bool isCausal, double scale, bool enableGqa) =>
        TorchOperators.Math(query, key, value, mask, dropout, isCausal, scale, enableGqa);
}
