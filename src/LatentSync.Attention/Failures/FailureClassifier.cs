using System.Runtime.InteropServices;

namespace LatentSync.Attention.Failures;

/// <summary>Tells failures of kernels, which a fallback can cure, from everything else, which it must not hide.</summary>
public static class FailureClassifier
{
    private const string ScriptError = "RuntimeError: ",
        Backtrace = "Exception raised from";

    /// <summary>Words of native messages, in the order of the question; libtorch 2.10, CUDA 12, cuBLAS, cuDNN, CUTLASS. Every CUDA error of
    /// libtorch ends with advice that mentions "device-side assertions": only an assert that was triggered loses the device.</summary>
    private static readonly (FailureKind Kind, string[] Phrases)[] Phrases =
    [
        (
            FailureKind.DeviceLost,
            [
                "illegal memory access",
                "device-side assert triggered",
                "unspecified launch failure",
                "misaligned address",
                "illegal instruction was encountered",
                "uncorrectable ECC error",
                "launch timed out and was terminated",
                "hardware stack error",
                "invalid program counter",
                "GPU is lost",
            ]
        ),
        (
            FailureKind.NoKernelImage,
            ["no kernel image is available", "device kernel image is invalid", "PTX was compiled with an unsupported toolchain"]
        ),
        (
            FailureKind.OutOfMemory,
            [
                "out of memory",
                "can't allocate memory",
                "not enough memory",
                "CUBLAS_STATUS_ALLOC_FAILED",
                "CUDNN_STATUS_ALLOC_FAILED",
                "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
                "Cannot allocate memory",
                "bad_alloc",
                "bad allocation",
            ]
        ),
        (
            FailureKind.NativeLibraryGone,
            [
                "cannot open shared object file",
                "undefined symbol",
                "Unable to load shared library",
                "Could not load library",
                "Unable to load any of",
            ]
        ),
        (
            FailureKind.NoKernel,
            [
                "No available kernel",
                "no kernel found to launch",
                "No viable backend",
                "not implemented for",
                "Could not run 'aten::",
                "was not compiled with",
                "build does not support",
                "Unknown builtin op",
                "has no attribute",
                "has no operator",
                "No execution plans",
                "No valid execution plan",
                "No valid engine",
                "CUDNN_STATUS_NOT_SUPPORTED",
            ]
        ),
        (
            FailureKind.UnsupportedArgument,
            [
                "invalid configuration argument",
                "invalid argument",
                "Expected",
                "expected",
                "should ",
                "must ",
                "only support",
                "not support",
                "requires ",
                "Accept only",
                "not differentiable",
                "CUDNN_STATUS_BAD_PARAM",
            ]
        ),
    ];

    /// <summary>Classifies what a kernel threw.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <returns>null when it is not a failure of a kernel: a cancellation, a bad argument, a bug. Such an exception must reach the
    /// caller.</returns>
    public static FailureKind? Classify(Exception exception) =>
        exception switch
        {
            OutOfMemoryException => FailureKind.OutOfMemory,
            DllNotFoundException or EntryPointNotFoundException or BadImageFormatException => FailureKind.NativeLibraryGone,
            TypeInitializationException { InnerException: { } inner } => Classify(inner),
            KernelWrongNumbersException => FailureKind.WrongNumbers,
            ExternalException => ClassifyText(exception.Message),
            _ => null,
        };

    /// <summary>The one line of a failure's message that says what is wrong: without TorchScript's listing before it and libtorch's advice
    /// and call stack after it.</summary>
    /// <param name="exception">What was thrown.</param>
    public static string CauseOf(Exception exception)
    {
        ReadOnlySpan<char> text = Statement(
            (exception is TypeInitializationException { InnerException: { } inner } ? inner : exception).Message
        );
        int end = text.IndexOfAny('\r', '\n');
        return (end < 0 ? text : text[..end]).TrimEnd().ToString();
    }

    /// <summary>Code, required and remedy of a kind of failure.</summary>
    /// <param name="kind">The kind.</param>
    public static FailureDescription Describe(FailureKind kind) => FailureDescription.All[(int)kind];

    /// <summary>The first line decides; the lines after it only when it says nothing known.</summary>
    private static FailureKind ClassifyText(string message)
    {
        ReadOnlySpan<char> text = Statement(message);
        int end = text.IndexOfAny('\r', '\n');
        return (end < 0 ? null : FindPhrase(text[..end])) ?? FindPhrase(text) ?? FailureKind.Other;
    }

    private static FailureKind? FindPhrase(ReadOnlySpan<char> text)
    {
        foreach ((FailureKind kind, string[] phrases) in Phrases)
        {
            foreach (string phrase in phrases)
            {
                if (text.Contains(phrase, StringComparison.Ordinal))
                {
                    return kind;
                }
            }
        }
        return null;
    }

    private static ReadOnlySpan<char> Statement(string message)
    {
        ReadOnlySpan<char> text = message;
        int error = text.LastIndexOf(ScriptError, StringComparison.Ordinal),
            stack = text.IndexOf(Backtrace, StringComparison.Ordinal);
        if (error >= 0 && (stack < 0 || error < stack))
        {
            text = text[(error + ScriptError.Length)..];
            stack = text.IndexOf(Backtrace, StringComparison.Ordinal);
        }
        return (stack > 0 ? text[..stack] : text).Trim();
    }
}
