using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Lab.Verification;

/// <summary>Makes the tensors of a problem: standard normal operands in the problem's order in memory; a mask hides about a
/// third.</summary>
internal static class SeededOperands
{
    /// <summary>The operands, in the caller's dispose scope. The same seed gives the same values on every device.</summary>
    internal static AttentionInputs Make(in AttentionProblem problem, int seed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)seed);
        AttentionProblem p = problem;
        Device device = p.Device.Kind == AttentionDeviceKind.Cpu ? CPU : new Device(p.Device.ToString());
        Tensor query = Operand(p.HeadCount, p.QueryLength, p.HeadDim);
        Tensor key = Operand(p.KvHeadCount, p.KeyLength, p.HeadDim);
        Tensor value = Operand(p.KvHeadCount, p.KeyLength, p.ValueDim);
        return new AttentionInputs(
            query.MoveToOuterDisposeScope(),
            key.MoveToOuterDisposeScope(),
            value.MoveToOuterDisposeScope(),
            Mask()?.MoveToOuterDisposeScope()
        );

        Tensor Operand(int heads, int length, int dim) => Normal(p, heads, length, dim, generator).to(device);

        Tensor? Mask()
        {
            if (p.Mask.Kind == AttentionMaskKind.None)
            {
                return null;
            }
            Tensor seen = rand([p.Mask.Batch, p.Mask.Heads, p.Mask.Rows, p.Mask.Columns], generator: generator).gt(Scalars.Of(1.0 / 3));
            Tensor mask =
                p.Mask.Kind == AttentionMaskKind.Boolean
                    ? seen
                    : zeros(seen.shape)
                        .masked_fill(seen.logical_not(), Scalars.NegativeInfinity)
                        .to(TensorFacts.ScalarTypeOf(p.Mask.DType));
            return mask.to(device);
        }
    }

    /// <summary>A standard normal gradient of the result, (B, H, Lq, Dv) in the query's order in memory, in the caller's dispose
    /// scope.</summary>
    internal static Tensor OutputGradient(in AttentionProblem problem, int seed)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using var generator = new Generator((ulong)seed + 1); // other numbers than the query's
        Device device = problem.Device.Kind == AttentionDeviceKind.Cpu ? CPU : new Device(problem.Device.ToString());
        return Normal(problem, problem.HeadCount, problem.QueryLength, problem.ValueDim, generator).to(device).MoveToOuterDisposeScope();
    }

    /// <summary>(B, H, L, dim), seen through a transpose where the projections write (B, L, H, dim).</summary>
    private static Tensor Normal(in AttentionProblem p, int heads, int length, int dim, Generator generator)
    {
        bool lengthFirst = p.QueryLayout == OperandLayout.LengthFirst;
        long[] shape = lengthFirst ? [p.Batch, length, heads, dim] : [p.Batch, heads, length, dim];
        Tensor made = randn(shape, generator: generator).to(TensorFacts.ScalarTypeOf(p.DType));
        return lengthFirst ? made.transpose(1, 2) : made;
    }
}
