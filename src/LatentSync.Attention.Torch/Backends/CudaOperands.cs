using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>A mask in the form that CUDA's fused kernels add.</summary>
/// <param name="Tensor">(B, H, Lq, Lk), or 1 instead of H, in the query's type: last stride 1, the other strides multiples of
/// <see cref="TorchEfficientRules.MaskAlignment"/>. No row is hidden as a whole.</param>
/// <param name="HiddenRows">(1 or B, 1 or H, 1 or Lq, 1), boolean: rows that see no key. The kernels give a mean of the values or NaN for
/// such rows; here they attend to everything, and <see cref="CudaOperands.ZeroHidden"/> clears them afterwards, so that neither result nor
/// gradient ever meets a NaN.</param>
internal readonly record struct CudaBias(Tensor Tensor, Tensor HiddenRows);

/// <summary>Prepares operands as CUDA's fused kernels want them, what libtorch's choosing function does before it calls them. Temporaries
/// belong to the caller's dispose scope.</summary>
internal static class CudaOperands
{
    private const int VectorBytes = 16;

    /// <summary>Vectors padded with zeros to whole 16 bytes, side by side in memory, each starting at a multiple of 16 bytes: the kernels
    /// load that many at once.</summary>
    internal static Tensor Aligned(Tensor tensor)
    {
        int size = (int)tensor.element_size(),
            elements = VectorBytes / size;
        int dim = (int)tensor.size(3),
            padded = (dim + elements - 1) / elements * elements;
        if (padded != dim)
        {
            return OperandForm.PadTo(tensor, padded); // a new, contiguous tensor
        }
        bool isAligned = tensor.stride(3) == 1 && tensor.storage_offset() % elements == 0;
        for (int d = 0; d < 3 && isAligned; d++)
        {
            isAligned = tensor.size(d) == 1 || tensor.stride(d) % elements == 0;
        }
        return isAligned ? tensor
            : tensor.contiguous() is var copy && copy.storage_offset() % elements == 0 ? copy
            : copy.clone();
    }

    /// <summary>The mask, the causal diagonal that a kernel does not have and the window, as one bias; null when there is nothing to
    /// add.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="inputs">Normal operands.</param>
    /// <param name="mergesCausal">The diagonal and the window become part of it.</param>
    /// <param name="keepsHeadOne">A bias for all heads keeps the size 1 there.</param>
    internal static CudaBias? Bias(in AttentionProblem problem, in AttentionInputs inputs, bool mergesCausal, bool keepsHeadOne)
    {
        if (OperandForm.AdditiveMask(problem, inputs, inputs.Query.dtype, mergesCausal) is not { } mask)
        {
            return null;
        }
        Tensor hidden = mask.detach().amax([-1], keepdim: true).eq(Scalars.NegativeInfinity); // (1 or B, 1 or H, 1 or Lq, 1)
        bool isOurs = mergesCausal || inputs.Mask!.dtype != mask.dtype; // made here, not the caller's
        Tensor bias = isOurs ? mask.masked_fill_(hidden, Scalars.Zero) : mask.masked_fill(hidden, Scalars.Zero);
        int keys = problem.KeyLength,
            heads = keepsHeadOne && bias.size(1) == 1 ? 1 : problem.HeadCount;
        bias = bias.expand(bias.size(0), bias.size(1), bias.size(2), keys);
        int excess = keys % TorchEfficientRules.MaskAlignment;
        bias = excess == 0 ? Aligned(bias) : nn.functional.pad(bias, [0, TorchEfficientRules.MaskAlignment - excess]).narrow(3, 0, keys);
        return new CudaBias(bias.expand(problem.Batch, heads, problem.QueryLength, keys), hidden);
    }

    /// <summary>The result with its padding cut off and zeros in the rows that see no key.</summary>
    internal static Tensor ZeroHidden(in AttentionProblem problem, Tensor result, CudaBias? bias)
    {
        Tensor cut = result.size(3) == problem.ValueDim ? result : result.narrow(3, 0, problem.ValueDim);
        return bias is { } given ? cut.masked_fill(given.HiddenRows, Scalars.Zero) : cut;
    }

    /// <summary>Key or value with every head repeated for the query heads that share it, for kernels without grouped heads.</summary>
    internal static Tensor RepeatHeads(in AttentionProblem problem, Tensor tensor)
    {
        int group = problem.HeadCount / problem.KvHeadCount;
        return group == 1
            ? tensor
            : tensor
                .unsqueeze(2)
                .expand(problem.Batch, problem.KvHeadCount, group, tensor.size(2), tensor.size(3))
                .reshape(problem.Batch, problem.HeadCount, tensor.size(2), tensor.size(3)); // (B, H, Lk, ·)
    }

    /// <summary>A kernel called against its rules may crash the process or lose the device.</summary>
    /// <exception cref="InvalidOperationException">The problem is not for a fused CUDA kernel: a bug of ours.</exception>
    internal static void Guard(string backend, in AttentionProblem problem)
    {
        if (problem.Device.Kind != AttentionDeviceKind.Cuda || problem.IsEmpty || problem.Softcap > 0)
        {
            throw new InvalidOperationException($"{backend} was called against its rules: {problem.Describe()}.");
        }
    }
}
