using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Operators;

/// <summary>The operator by <see cref="ReferenceAttention"/>: the whole bias is written out, element by element, from the operator's
/// definition.</summary>
internal static class OnnxReference
{
    /// <summary>Y (B, Hq, Sq, Dv) and the wanted scores (B, Hq, Sq, T), float64.</summary>
    internal static (Tensor Output, Tensor Scores) Compute(OnnxOperands operands)
    {
        var arguments = new AttentionArguments
        {
            Mask = Bias(operands),
            Scale = operands.Scale,
            Softcap = operands.Softcap,
        };
        ReferenceSteps steps = ReferenceAttention.ComputeSteps(
            operands.Query,
            operands.Key,
            operands.Value,
            arguments,
            operands.ComputeType
        );
        Tensor scores = operands.Attributes.ScoreOutput switch
        {
            OnnxScoreOutput.Products => steps.Products,
            OnnxScoreOutput.Capped => steps.Capped,
            OnnxScoreOutput.Biased => steps.Biased,
            _ => steps.Weights,
        };
        return (steps.Output, scores);
    }

    /// <summary>(1 or B, 1 or Hq, Sq, T), float64: the mask, and -∞ where anything hides a key.</summary>
    private static Tensor Bias(OnnxOperands operands)
    {
        int rows = operands.QueryLength,
            keys = operands.KeyLength;
        OnnxAttentionAttributes attributes = operands.Attributes;
        var hidden = new bool[(long)operands.Batch * rows * keys];
        for (int b = 0; b < operands.Batch; b++)
        {
            for (int i = 0; i < rows; i++)
            {
                long position = i + operands.OffsetOf(b);
                for (int j = 0; j < keys; j++)
                {
                    hidden[((long)b * rows + i) * keys + j] =
                        j >= operands.KeysOf(b)
                        || attributes.IsCausal && j > position
                        || attributes.LeftWindow is { } left && j < position - left
                        || attributes.RightWindow is { } right && j > position + right;
                }
            }
        }
        Tensor isHidden = tensor(hidden, [operands.Batch, 1, rows, keys], device: operands.Query.device);
        if (operands.Mask is not { } mask)
        {
            return zeros_like(isHidden, ScalarType.Float64).masked_fill(isHidden, Scalars.NegativeInfinity);
        }
        Tensor bias =
            mask.dtype == ScalarType.Bool
                ? zeros_like(mask, ScalarType.Float64).masked_fill(mask.logical_not(), Scalars.NegativeInfinity)
                : mask.to(ScalarType.Float64);
        Tensor padded = nn.functional.pad(bias, [0, keys - mask.size(3)], PaddingModes.Constant, double.NegativeInfinity);
        return padded.masked_fill(isHidden, Scalars.NegativeInfinity);
    }
}
