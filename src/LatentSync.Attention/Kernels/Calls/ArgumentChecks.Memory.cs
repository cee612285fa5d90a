using System.Diagnostics.CodeAnalysis;
using System.Numerics.Tensors;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Calls;

/// <content>Memory that is written must not be shared with anything else.</content>
internal static unsafe partial class ArgumentChecks
{
    /// <summary>Checks what the forward pass writes.</summary>
    /// <param name="arguments">The arguments, pinned.</param>
    /// <param name="call">The call, with its addresses.</param>
    /// <exception cref="ArgumentException">Some of it lies in other memory that the call is given.</exception>
    internal static void CheckMemory<T>(in FlashAttentionArguments<T> arguments, in FlashCall call)
        where T : unmanaged
    {
        ReadOnlyTensorSpan<T> output = arguments.Output;
        ReadOnlySpan<nint> count = [LogSumExpCount(arguments)],
            one = [1];
        MemoryFootprint written = Of((void*)call.Output.Address, output),
            logSumExp = new(call.LogSumExp, count, one, call.Problem.DType.ComputeSize());
        Check(written, logSumExp, nameof(arguments.Output), nameof(arguments.LogSumExp));
        CheckAgainstInputs(written, nameof(arguments.Output), arguments, call);
        CheckAgainstInputs(logSumExp, nameof(arguments.LogSumExp), arguments, call);
    }

    /// <summary>Checks what the backward pass writes.</summary>
    /// <param name="arguments">The arguments, pinned.</param>
    /// <param name="gradients">The gradients, pinned.</param>
    /// <param name="call">The call, with its addresses.</param>
    /// <exception cref="ArgumentException">Some of it lies in other memory that the call is given.</exception>
    internal static void CheckMemory<T>(
        in FlashAttentionArguments<T> arguments,
        in FlashAttentionGradients<T> gradients,
        in FlashGradientCall call
    )
        where T : unmanaged
    {
        ReadOnlyTensorSpan<T> queryTensor = gradients.QueryGradient,
            keyTensor = gradients.KeyGradient,
            valueTensor = gradients.ValueGradient;
        MemoryFootprint query = Of((void*)call.QueryGradient.Address, queryTensor);
        MemoryFootprint key = Of((void*)call.KeyGradient.Address, keyTensor),
            value = Of((void*)call.ValueGradient.Address, valueTensor);
        Check(query, key, nameof(gradients.QueryGradient), nameof(gradients.KeyGradient));
        Check(query, value, nameof(gradients.QueryGradient), nameof(gradients.ValueGradient));
        Check(key, value, nameof(gradients.KeyGradient), nameof(gradients.ValueGradient));
        CheckAgainstAll(query, nameof(gradients.QueryGradient), arguments, gradients, call);
        CheckAgainstAll(key, nameof(gradients.KeyGradient), arguments, gradients, call);
        CheckAgainstAll(value, nameof(gradients.ValueGradient), arguments, gradients, call);
    }

    /// <summary>The forward pass's inputs and results, and the output's gradient.</summary>
    private static void CheckAgainstAll<T>(
        in MemoryFootprint written,
        string name,
        in FlashAttentionArguments<T> arguments,
        in FlashAttentionGradients<T> gradients,
        in FlashGradientCall call
    )
        where T : unmanaged
    {
        ReadOnlyTensorSpan<T> output = arguments.Output,
            outputGradient = gradients.OutputGradient;
        ReadOnlySpan<nint> count = [LogSumExpCount(arguments)],
            one = [1];
        Check(written, Of((void*)call.OutputGradient.Address, outputGradient), name, nameof(gradients.OutputGradient));
        Check(written, Of((void*)call.Forward.Output.Address, output), name, nameof(arguments.Output));
        Check(
            written,
            new(call.Forward.LogSumExp, count, one, call.Forward.Problem.DType.ComputeSize()),
            name,
            nameof(arguments.LogSumExp)
        );
        CheckAgainstInputs(written, name, arguments, call.Forward);
    }

    private static void CheckAgainstInputs<T>(
        in MemoryFootprint written,
        string name,
        in FlashAttentionArguments<T> arguments,
        in FlashCall call
    )
        where T : unmanaged
    {
        ReadOnlyTensorSpan<T> query = arguments.Query,
            key = arguments.Key,
            value = arguments.Value,
            bias = arguments.Bias;
        ReadOnlyTensorSpan<bool> mask = arguments.Mask;
        ReadOnlyTensorSpan<int> pages = arguments.PageTable;
        Check(written, Of((void*)call.Query.Address, query), name, nameof(arguments.Query));
        Check(written, Of((void*)call.Key.Address, key), name, nameof(arguments.Key));
        Check(written, Of((void*)call.Value.Address, value), name, nameof(arguments.Value));
        if (call.Mask.Kind == AttentionMaskKind.Boolean)
        {
            Check(written, Of((void*)call.Mask.Address, mask), name, nameof(arguments.Mask));
        }
        else if (call.Mask.Kind == AttentionMaskKind.Additive)
        {
            Check(written, Of((void*)call.Mask.Address, bias), name, nameof(arguments.Bias));
        }
        Check(written, Of(call.PageTable, pages), name, nameof(arguments.PageTable));
        CheckNumbers(written, name, call.QueryStarts, arguments.QueryStarts.Length, nameof(arguments.QueryStarts));
        CheckNumbers(written, name, call.KeyStarts, arguments.KeyStarts.Length, nameof(arguments.KeyStarts));
        CheckNumbers(written, name, call.KeyLengths, arguments.KeyLengths.Length, nameof(arguments.KeyLengths));
        CheckNumbers(written, name, call.AlibiSlopes, arguments.AlibiSlopes.Length, nameof(arguments.AlibiSlopes));
    }

    private static nint LogSumExpCount<T>(in FlashAttentionArguments<T> arguments)
        where T : unmanaged => arguments.LogSumExp.Length + arguments.LogSumExpDouble.Length;

    private static MemoryFootprint Of<T>(void* address, [UnscopedRef] in ReadOnlyTensorSpan<T> tensor)
        where T : unmanaged => new(address, tensor.Lengths, tensor.Strides, sizeof(T));

    private static void CheckNumbers<T>(in MemoryFootprint written, string name, T* start, int count, string otherName)
        where T : unmanaged
    {
        ReadOnlySpan<nint> length = [count],
            one = [1];
        Check(written, new MemoryFootprint(start, length, one, sizeof(T)), name, otherName);
    }

    private static void Check(in MemoryFootprint written, in MemoryFootprint other, string name, string otherName) =>
        Require(!written.Overlaps(other), $"memory shared with {otherName}", "memory of its own", name);
}
