using System.Globalization;
using System.Runtime.InteropServices;
using LatentSync.Attention.Torch.Backends;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>A CUDA device that is not there: each kernel checks strictly what the real one needs, with the real one's words, and then
/// computes in float64 on the CPU. What the real kernel would crash on, or silently compute wrong, is a bug of ours here.</summary>
internal sealed class SimulatedCuda : ITorchKernels
{
    /// <summary>10 x major + minor.</summary>
    public int Capability { get; init; } = 80;

    /// <summary>Blocks of a launch.</summary>
    public int LaunchLimit { get; init; } = 65_535;

    /// <summary>Bytes of scores that the standard path may allocate.</summary>
    public long MemoryBytes { get; init; } = long.MaxValue;

    /// <summary>libtorch has code for this device.</summary>
    public bool HasImage { get; init; } = true;

    public int Launches => _launches;

    private int _launches;

    public Tensor FlashCpu(Tensor query, Tensor key, Tensor value, Tensor? mask, bool isCausal, double scale) =>
        throw new InvalidOperationException("the CPU kernel was called for CUDA tensors");

    public Tensor FlashCuda(Tensor query, Tensor key, Tensor value, double dropout, bool isCausal, double scale)
    {
        Launch(query, key, value);
        Need(Capability >= 80, "FlashAttention only supports Ampere GPUs or newer.");
        Need(query.dtype is ScalarType.Float16 or ScalarType.BFloat16, "FlashAttention only support fp16 and bf16 data type");
        Need(query.size(3) <= 256, "FlashAttention forward only supports head dimension at most 256");
        Need(query.size(3) % 8 == 0, "head_size must be a multiple of 8, this is ensured by padding!");
        Ours(value.size(3) == query.size(3), "flash attention reads the value with the query's head dim");
        Need(query.size(1) % key.size(1) == 0, "Number of heads in key/value must divide number of heads in query");
        Ours(!isCausal || query.size(2) == key.size(2), "flash attention's causal diagonal ends bottom-right");
        Aligned(query, key, value, () => new ExternalException("CUDA error: misaligned address"));
        return Like(query, Compute(query, key, value, null, isCausal, scale));
    }

    public AttentionResult FlashCpuWithLogSumExp(Tensor query, Tensor key, Tensor value, Tensor? mask, bool isCausal, double scale) =>
        throw new InvalidOperationException("the CPU kernel was called for CUDA tensors");

    public AttentionResult FlashCudaWithLogSumExp(Tensor query, Tensor key, Tensor value, double dropout, bool isCausal, double scale)
    {
        Tensor output = FlashCuda(query, key, value, dropout, isCausal, scale);
        ReferenceSteps steps = ReferenceAttention.ComputeSteps(
            query,
            key,
            value,
            new Operands.AttentionArguments { IsCausal = isCausal, Scale = scale }
        );
        return new AttentionResult(output, steps.LogSumExp.to(ScalarType.Float32));
    }

    public Tensor Efficient(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? bias,
        bool needsLogSumExp,
        double dropout,
        bool isCausal,
        double scale
    )
    {
        Launch(query, key, value);
        Need(
            Capability >= 50
                && (query.dtype is ScalarType.Float32 or ScalarType.Float16 || query.dtype == ScalarType.BFloat16 && Capability >= 80),
            "cutlassF: no kernel found to launch!"
        );
        Need(query.size(1) == key.size(1), "key/value heads must match the query's: expected num_heads to be equal");
        Aligned(query, key, value, () => new ExternalException("cutlassF: no kernel found to launch!"));
        Ours(needsLogSumExp || !(query.requires_grad || key.requires_grad || value.requires_grad), "the backward pass needs the logsumexp");
        Bias(query, key, bias, isCausal, headOne: false);
        return Compute(query, key, value, bias, isCausal, scale).transpose(1, 2).contiguous().transpose(1, 2);
    }

    public Tensor CuDnn(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? bias,
        bool needsLogSumExp,
        double dropout,
        bool isCausal,
        double scale
    )
    {
        Launch(query, key, value);
        Need(Capability >= 80, "cuDNN Frontend error: No valid execution plans built.");
        Need(query.dtype is ScalarType.Float16 or ScalarType.BFloat16, "cuDNN Frontend error: CUDNN_STATUS_BAD_PARAM");
        int largest = Capability == 90 ? 256 : 128;
        Need(
            query.size(3) % 8 == 0 && value.size(3) % 8 == 0 && query.size(3) <= largest && value.size(3) <= largest,
            "cuDNN Frontend error: [cudnn_frontend] Error: No execution plans support the graph."
        );
        Need(key.size(2) > 1, "cudnn SDPA does not support key/value sequence length 1.");
        Need(query.size(1) % key.size(1) == 0, "cuDNN Frontend error: CUDNN_STATUS_BAD_PARAM");
        Ours(needsLogSumExp || !(query.requires_grad || key.requires_grad || value.requires_grad), "the backward pass needs the logsumexp");
        Ours(bias is null || !bias.requires_grad, "cuDNN gives the mask no gradient");
        Aligned(query, key, value, () => new ExternalException("cuDNN Frontend error: CUDNN_STATUS_NOT_SUPPORTED"));
        Bias(query, key, bias, isCausal, headOne: true);
        return Like(query, Compute(query, key, value, bias, isCausal, scale));
    }

    public Tensor Math(Tensor query, Tensor key, Tensor value, Tensor? mask, double dropout, bool isCausal, double scale, bool enableGqa)
    {
        Interlocked.Increment(ref _launches);
        Need(HasImage, NoImage);
        double bytes = 4.0 * query.size(0) * query.size(1) * query.size(2) * key.size(2);
        Need(
            bytes <= MemoryBytes,
            string.Create(
                CultureInfo.InvariantCulture,
                $"CUDA out of memory. Tried to allocate {bytes / (1L << 30):0.00} GiB. GPU 0 has a total capacity of 15.00 GiB"
            )
        );
        return LibTorchKernels.Instance.Math(query, key, value, mask, dropout, isCausal, scale, enableGqa);
    }

    private const string NoImage =
        "CUDA error: no kernel image is available for execution on the device\n"
        + "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.\n"
        + "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n";

    private void Launch(Tensor query, Tensor key, Tensor value)
    {
        Interlocked.Increment(ref _launches);
        Need(HasImage, NoImage);
        Ours(query.dim() == 4 && key.dim() == 4 && value.dim() == 4, "raw operators take rank 4");
        Ours(query.numel() > 0 && key.numel() > 0 && value.numel() > 0, "an empty operand crashes the process");
        Ours(key.size(0) == query.size(0) && value.size(0) == query.size(0), "another batch reads beyond the operand");
        Ours(key.size(2) == value.size(2) && key.size(1) == value.size(1) && key.size(3) == query.size(3), "operands do not fit");
        Ours(key.dtype == query.dtype && value.dtype == query.dtype, "element types differ");
        Need(
            query.size(0) * query.size(1) <= LaunchLimit,
            "CUDA error: invalid configuration argument\nCUDA kernel errors might be asynchronously reported at some other API call\n"
                + "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
        );
    }

    private static void Aligned(Tensor query, Tensor key, Tensor value, Func<Exception> error)
    {
        foreach (Tensor tensor in new[] { query, key, value })
        {
            long elements = 16 / tensor.element_size();
            Ours(tensor.stride(3) == 1, "another last stride reads wrong elements");
            bool isAligned = tensor.size(3) % elements == 0 && tensor.storage_offset() % elements == 0;
            for (int d = 0; d < 3; d++)
            {
                isAligned &= tensor.size(d) == 1 || tensor.stride(d) % elements == 0;
            }
            if (!isAligned)
            {
                throw error();
            }
        }
    }

    private static void Bias(Tensor query, Tensor key, Tensor? bias, bool isCausal, bool headOne)
    {
        if (bias is null)
        {
            return;
        }
        Ours(!isCausal, "a mask together with the causal flag was never tried");
        Need(bias.dtype == query.dtype, "invalid dtype for bias - should match query's dtype");
        Ours(
            bias.dim() == 4
                && bias.size(0) == query.size(0)
                && (bias.size(1) == query.size(1) || headOne && bias.size(1) == 1)
                && bias.size(2) == query.size(2)
                && bias.size(3) == key.size(2),
            "the bias must be expanded"
        );
        Need(bias.stride(3) == 1 || bias.size(3) == 1, "attn_bias's last dimension must have stride 1");
        for (int d = 0; d < 3; d++)
        {
            Need(
                bias.size(d) == 1 || bias.stride(d) % 8 == 0,
                $"attn_bias is not correctly aligned (strideM). attn_bias.stride({d}) = {bias.stride(d)}, and should be a multiple of 8."
            );
        }
    }

    /// <summary>Rows that are hidden as a whole come out as NaN, as these kernels may; and all of them when a key or value is no
    /// number.</summary>
    private static Tensor Compute(Tensor query, Tensor key, Tensor value, Tensor? bias, bool isCausal, double scale)
    {
        if (!key.isfinite().all().item<bool>() || !value.isfinite().all().item<bool>())
        {
            return full([.. query.shape[..^1], value.size(3)], double.NaN, query.dtype);
        }
        Tensor result = ReferenceAttention.Compute(
            query,
            key,
            value,
            new()
            {
                Mask = bias,
                IsCausal = isCausal,
                Scale = scale,
            }
        );
        if (bias is not null)
        {
            result = result.masked_fill(bias.amax([-1], keepdim: true).eq(double.NegativeInfinity), double.NaN);
        }
        return result.to(query.dtype);
    }

    private static Tensor Like(Tensor query, Tensor result) =>
        query.stride(1) < query.stride(2) ? result.transpose(1, 2).contiguous().transpose(1, 2) : result;

    private static void Need(bool holds, string message)
    {
        if (!holds)
        {
            throw new ExternalException(message);
        }
    }

    private static void Ours(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException("A precondition of the real kernel was broken: " + what + ".");
        }
    }
}
