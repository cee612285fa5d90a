using System.Numerics.Tensors;
using LatentSync.Attention.Kernels;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention;

/// <summary>FlashAttention-2 on the processor, in managed code: exact attention without the matrix of scores, on memory of any kind.</summary>
/// <remarks>FlashAttention-2, arXiv:2307.08691; paged and split keys as in flash-decoding; ALiBi, arXiv:2108.12409. Uses AVX-512, AVX2 or
/// 128-bit vectors, whichever is the widest that this processor has. Calls allocate nothing and may run at the same time.</remarks>
public static class FlashAttention
{
    /// <summary>softmax(scale · Q Kᵀ) V.</summary>
    /// <param name="query">(B, H, Lq, D), any strides.</param>
    /// <param name="key">(B, Hkv, Lk, D), any strides; Hkv divides H.</param>
    /// <param name="value">(B, Hkv, Lk, Dv), any strides.</param>
    /// <param name="output">(B, H, Lq, Dv), any strides; is overwritten. A query that sees no key gets zeros.</param>
    /// <param name="isCausal">Query i sees the keys up to i.</param>
    /// <param name="scale">Factor on Q Kᵀ, finite; null is 1/√D.</param>
    /// <typeparam name="T">float, double, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <exception cref="ArgumentException">An argument does not fit the others; the message says what was found and what is required,
    /// <see cref="ArgumentException.ParamName"/> which one.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    public static void Forward<T>(
        in ReadOnlyTensorSpan<T> query, in ReadOnlyTensorSpan<T> key, in ReadOnlyTensorSpan<T> value, in TensorSpan<T> output,
        bool isCausal = false, double? scale = null)
        where T : unmanaged =>
        Forward(new FlashAttentionArguments<T> { Query = query, Key = key, Value = value, Output = output, IsCausal = isCausal, Scale = scale });

    /// <summary>softmax(softcap(scale · Q Kᵀ) + bias) V, with whatever the arguments say about masks, windows and lengths.</summary>
    /// <param name="arguments">Operands and options.</param>
    /// <typeparam name="T">float, double, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <exception cref="ArgumentException">An argument has no meaning or does not fit the others; the message says what was found and what
    /// is required, <see cref="ArgumentException.ParamName"/> which property it is. Nothing was written.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    public static unsafe void Forward<T>(in FlashAttentionArguments<T> arguments)
        where T : unmanaged
    {
        FlashCall call = FlashBorder.Check(arguments);
        if (arguments.Output.IsEmpty)
        {
            return;
        }
        fixed (T* query = arguments.Query, key = arguments.Key, value = arguments.Value, output = arguments.Output, bias = arguments.Bias)
        fixed (bool* mask = arguments.Mask)
        fixed (int* queryStarts = arguments.QueryStarts, keyStarts = arguments.KeyStarts, keyLengths = arguments.KeyLengths)
        fixed (int* pageTable = arguments.PageTable)
        fixed (float* slopes = arguments.AlibiSlopes, logSumExp = arguments.LogSumExp)
        fixed (double* logSumExpDouble = arguments.LogSumExpDouble)
        {
            call.Query = call.Query with { Address = (nint)query };
            call.Key = call.Key with { Address = (nint)key };
            call.Value = call.Value with { Address = (nint)value };
            call.Output = call.Output with { Address = (nint)output };
            call.Mask = call.Mask with { Address = call.Mask.Kind == AttentionMaskKind.Boolean ? (nint)mask : (nint)bias };
            call.QueryStarts = queryStarts;
            call.KeyStarts = keyStarts;
            call.KeyLengths = keyLengths;
            call.PageTable = pageTable;
            call.AlibiSlopes = slopes;
            call.LogSumExp = logSumExp is null ? logSumExpDouble : logSumExp;
            FlashBorder.CheckMemory(arguments, call);
            FlashKernels.Forward(call, WorkTeam.Shared, arguments.Threads);
        }
    }
}
