using System.Runtime.InteropServices;

namespace LatentSync.Attention.Selection;

/// <summary>Tells failures of kernels, which a fallback can cure, from everything else, which it must not hide.</summary>
public static class FailureClassifier
{
    /// <summary>Words of native messages, in the order of the question; libtorch 2.10, CUDA 12, cuBLAS, cuDNN, CUTLASS.</summary>
    private static readonly (FailureKind Kind, string[] Phrases)[] Phrases =
    [
        (FailureKind.DeviceLost, ["illegal memory access", "device-side assert", "unspecified launch failure", "misaligned address",
            "illegal instruction was encountered", "device kernel image is invalid", "uncorrectable ECC error"]),
        (FailureKind.NoKernelImage, ["no kernel image is available"]),
        (FailureKind.OutOfMemory, ["out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED",
            "CUDNN_STATUS_ALLOC_FAILED", "Cannot allocate memory"]),
        (FailureKind.NativeLibraryGone, ["cannot open shared object file", "undefined symbol", "Unable to load shared library"]),
        (FailureKind.NoKernel, ["No available kernel", "no kernel found to launch", "No viable backend", "not implemented for",
            "Could not run 'aten::", "was not compiled with", "build does not support", "Unknown builtin op", "has no attribute"]),
        (FailureKind.UnsupportedArgument, ["invalid configuration argument", "invalid argument", "Expected", "expected", "should ",
            "must ", "only support", "not support", "requires ", "Accept only", "not differentiable"]),
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
            ExternalException => ClassifyText(exception.Message),
            _ => null,
        };

    /// <summary>Code, required and remedy of a kind of failure.</summary>
    /// <param name="kind">The kind.</param>
    public static FailureDescription Describe(FailureKind kind) => FailureDescription.All[(int)kind];

    private static FailureKind ClassifyText(string message)
    {
        foreach ((FailureKind kind, string[] phrases) in Phrases)
        {
            foreach (string phrase in phrases)
            {
                if (message.Contains(phrase, StringComparison.Ordinal))
                {
                    return kind;
                }
            }
        }
        return FailureKind.Other;
    }
}
