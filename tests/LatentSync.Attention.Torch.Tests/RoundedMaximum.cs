using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>Right but for one thing, which a kernel of ours once did: it weighs by 2^(s·log2 e - maximum), the product exact and the
/// maximum rounded, so that the heaviest key weighs 2^(rounding error) instead of 1. With scores around 1 nobody sees it.</summary>
internal sealed class RoundedMaximum(string name) : IAttentionBackend
{
    public string Name => name;

    public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs)
    {
        using var scope = NewDisposeScope();
        ScalarType score = problem.DType == AttentionDType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        AttentionArguments arguments = new()
        {
            Mask = inputs.Mask,
            IsCausal = problem.IsCausal,
            CausalAlignment = problem.CausalAlignment,
            Scale = problem.Scale,
        };
        Tensor scores = ReferenceAttention.ComputeSteps(inputs.Query, inputs.Key, inputs.Value, arguments).Biased;
        double log2E = score == ScalarType.Float32 ? (float)Math.Log2(Math.E) : Math.Log2(Math.E);
        Tensor maximum = scores.detach().amax([-1], keepdim: true);
        maximum = maximum.masked_fill(maximum.eq(double.NegativeInfinity), 0);
        // The rounding of float64's maximum is past what float64 can show: it is given at its size, 2^-53 of the product.
        Tensor product = maximum.mul(log2E);
        Tensor rounded = score == ScalarType.Float32 ? product.to(score).to(float64) : product.mul(1 + Math.Pow(2, -52));
        Tensor weights = scores.mul(log2E).sub(rounded).exp2().to(score); // range and precision of the kernel's registers
        int group = problem.HeadCount / problem.KvHeadCount;
        Tensor value = inputs.Value.to(score).repeat_interleave(group, 1);
        Tensor sum = weights.sum([-1], keepdim: true);
        Tensor output = matmul(weights, value).div(sum.masked_fill(sum.eq(0), 1)).to(inputs.Query.dtype);
        return new AttentionResult(output.MoveToOuterDisposeScope());
    }
}
