using System.Numerics.Tensors;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Calls;

/// <content>The backward pass.</content>
internal static partial class ArgumentChecks
{
    /// <summary>Checks the arguments of the backward pass.</summary>
    /// <returns>The call without its addresses.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit each other.</exception>
    /// <exception cref="NotSupportedException">The kernels do not know the type.</exception>
    internal static FlashGradientCall CallOf<T>(in FlashAttentionArguments<T> arguments, in FlashAttentionGradients<T> gradients)
        where T : unmanaged
    {
        FlashCall forward = CallOf(arguments);
        Require(
            arguments.PageTable.Rank == 0,
            $"a page table",
            "no pages: a page may belong to several sequences, whose gradients it cannot hold",
            nameof(arguments.PageTable)
        );
        long rows = Rows(arguments, forward.Problem);
        Require(
            forward.Problem.NeedsLogSumExp || rows == 0,
            $"0 numbers",
            $"{rows}, as FlashAttention.Forward wrote them",
            forward.Problem.DType == AttentionDType.Float64 ? nameof(arguments.LogSumExpDouble) : nameof(arguments.LogSumExp)
        );
        return new FlashGradientCall
        {
            Forward = forward,
            OutputGradient = OperandLike(gradients.OutputGradient, arguments.Output, nameof(gradients.OutputGradient)),
            QueryGradient = WrittenLike(gradients.QueryGradient, arguments.Query, nameof(gradients.QueryGradient)),
            KeyGradient = WrittenLike(gradients.KeyGradient, arguments.Key, nameof(gradients.KeyGradient)),
            ValueGradient = WrittenLike(gradients.ValueGradient, arguments.Value, nameof(gradients.ValueGradient)),
        };
    }

    private static FlashOperand WrittenLike<T>(in ReadOnlyTensorSpan<T> gradient, in ReadOnlyTensorSpan<T> operand, string name)
        where T : unmanaged
    {
        FlashOperand result = OperandLike(gradient, operand, name);
        CheckDistinct(gradient.Lengths, gradient.Strides, name);
        return result;
    }

    private static FlashOperand OperandLike<T>(in ReadOnlyTensorSpan<T> gradient, in ReadOnlyTensorSpan<T> operand, string name)
        where T : unmanaged
    {
        ReadOnlySpan<nint> found = gradient.Lengths,
            required = operand.Lengths;
        Require(found.SequenceEqual(required), $"{found}", $"{required}", name);
        return OperandOf(found, gradient.Strides, DTypeOf<T>());
    }
}
