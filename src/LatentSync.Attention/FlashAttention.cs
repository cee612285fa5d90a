using System.Numerics.Tensors;
using LatentSync.Attention.Kernels;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Threads;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention;

/// <summary>FlashAttention-2 on the processor, in managed code: exact attention without the matrix of scores, on memory of any
/// kind.</summary>
/// <remarks>FlashAttention-2, arXiv:2307.08691; paged and split keys as in flash-decoding; ALiBi, arXiv:2108.12409. Uses AVX-512, AVX2 or
/// 128-bit vectors, whichever is the widest that this processor has. Calls allocate nothing and may run at the same time.
/// <para>The result is the softmax of the scores as plain code rounds them in the type of the computation (float; double for double), at
/// every magnitude: equal scores weigh equally, masks of -1e9 or of the type's smallest number included. A score that overflows counts as
/// plain code's infinity does.</para>
/// <para>What hidden keys and their values hold, NaN and infinity included, reaches neither the result nor a gradient. Hidden is a key
/// whose mask is false or
/// -∞, and one beyond the diagonal, a window or its sequence's length; a large finite mask only makes it light.</para></remarks>
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
        in ReadOnlyTensorSpan<T> query,
        in ReadOnlyTensorSpan<T> key,
        in ReadOnlyTensorSpan<T> value,
        in TensorSpan<T> output,
        bool isCausal = false,
        double? scale = null
    )
        where T : unmanaged =>
        Forward(
            new FlashAttentionArguments<T>
            {
                Query = query,
                Key = key,
                Value = value,
                Output = output,
                IsCausal = isCausal,
                Scale = scale,
            }
        );

    /// <summary>softmax(softcap(scale · Q Kᵀ) + bias) V, with whatever the arguments say about masks, windows and lengths.</summary>
    /// <param name="arguments">Operands and options.</param>
    /// <typeparam name="T">float, double, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <exception cref="ArgumentException">An argument has no meaning or does not fit the others; the message says what was found and what
    /// is required, <see cref="ArgumentException.ParamName"/> which property it is. Nothing was written.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    public static void Forward<T>(in FlashAttentionArguments<T> arguments)
        where T : unmanaged
    {
        FlashCall call = ArgumentChecks.CallOf(arguments);
        if (!arguments.Output.IsEmpty)
        {
            Run(arguments, default, new FlashGradientCall { Forward = call }, isBackward: false);
        }
    }

    /// <summary>Gradients of query, key and value from that of the output of <see cref="Forward{T}(in FlashAttentionArguments{T})"/>,
    /// without the matrix of scores: it is computed once more, block by block.</summary>
    /// <param name="arguments">What the forward pass was called with, and with <see cref="FlashAttentionArguments{T}.LogSumExp"/>: its
    /// output and its logsumexp, which are only read here.</param>
    /// <param name="gradients">The output's gradient, and room for the others. Is overwritten, not added to.</param>
    /// <typeparam name="T">float, double, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <remarks>
    /// With S the scores, P = e^(S - logsumexp), M the factors of dropout (absent: 1):
    /// <code>
    ///   dV = (P ∘ M)ᵀ dO      dS = P ∘ (M ∘ dO Vᵀ - Δ)      Δ = Σ dO ∘ O per query; times 1 - tanh² under a softcap
    ///   dQ = scale · dS K      dK = scale · dSᵀ Q
    /// </code>
    /// dK and dV are sums over the query heads that share a key head. A query that sees no key, and a key that no query sees, have zeros,
    /// and what they hold reaches no other gradient. Where the logsumexp has too few digits for the weights (64 or more), maximum and sum
    /// are found once more. FlashAttention-2, arXiv:2307.08691, algorithm 2. The same bits with any number of threads.
    /// <para>A mask, a bias and ALiBi's slopes have no gradient here, nor have keys in pages.</para>
    /// </remarks>
    /// <exception cref="ArgumentException">An argument has no meaning or does not fit the others; the message says what was found and what
    /// is required, <see cref="ArgumentException.ParamName"/> which property it is. Nothing was written.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the workspace.</exception>
    public static void Backward<T>(in FlashAttentionArguments<T> arguments, in FlashAttentionGradients<T> gradients)
        where T : unmanaged
    {
        FlashGradientCall call = ArgumentChecks.CallOf(arguments, gradients);
        if (!gradients.QueryGradient.IsEmpty || !gradients.KeyGradient.IsEmpty)
        {
            Run(arguments, gradients, call, isBackward: true);
        }
    }

    /// <summary>Holds the memory still, and computes.</summary>
    private static unsafe void Run<T>(
        in FlashAttentionArguments<T> arguments,
        in FlashAttentionGradients<T> gradients,
        FlashGradientCall call,
        bool isBackward
    )
        where T : unmanaged
    {
        fixed (
            T* query = arguments.Query,
                key = arguments.Key,
                value = arguments.Value,
                output = arguments.Output,
                bias = arguments.Bias
        )
        fixed (T* outputGradient = gradients.OutputGradient)
        fixed (
            T* queryGradient = gradients.QueryGradient,
                keyGradient = gradients.KeyGradient,
                valueGradient = gradients.ValueGradient
        )
        fixed (bool* mask = arguments.Mask)
        fixed (
            int* queryStarts = arguments.QueryStarts,
                keyStarts = arguments.KeyStarts,
                keyLengths = arguments.KeyLengths
        )
        fixed (int* pageTable = arguments.PageTable)
        fixed (
            float* slopes = arguments.AlibiSlopes,
                logSumExp = arguments.LogSumExp
        )
        fixed (double* logSumExpDouble = arguments.LogSumExpDouble)
        {
            ref FlashCall forward = ref call.Forward;
            forward.Query = forward.Query with { Address = (nint)query };
            forward.Key = forward.Key with { Address = (nint)key };
            forward.Value = forward.Value with { Address = (nint)value };
            forward.Output = forward.Output with { Address = (nint)output };
            forward.Mask = forward.Mask with { Address = forward.Mask.Kind == AttentionMaskKind.Boolean ? (nint)mask : (nint)bias };
            forward.QueryStarts = queryStarts;
            forward.KeyStarts = keyStarts;
            forward.KeyLengths = keyLengths;
            forward.PageTable = pageTable;
            forward.AlibiSlopes = slopes;
            forward.LogSumExp = logSumExp is null ? logSumExpDouble : logSumExp;
            if (!isBackward)
            {
                ArgumentChecks.CheckMemory(arguments, forward);
                FlashKernels.Forward(forward, WorkTeam.Shared, arguments.Threads);
                return;
            }
            call.OutputGradient = call.OutputGradient with { Address = (nint)outputGradient };
            call.QueryGradient = call.QueryGradient with { Address = (nint)queryGradient };
            call.KeyGradient = call.KeyGradient with { Address = (nint)keyGradient };
            call.ValueGradient = call.ValueGradient with { Address = (nint)valueGradient };
            ArgumentChecks.CheckMemory(arguments, gradients, call);
            FlashKernels.Backward(call, WorkTeam.Shared, arguments.Threads);
        }
    }
}
