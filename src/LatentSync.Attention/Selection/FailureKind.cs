using System.Runtime.InteropServices;

namespace LatentSync.Attention.Selection;

/// <summary>How a kernel failed at run time.</summary>
public enum FailureKind
{
    /// <summary>The library has no kernel for this problem.</summary>
    NoKernel,

    /// <summary>The library has no code for this GPU's architecture.</summary>
    NoKernelImage,

    /// <summary>Memory ran out.</summary>
    OutOfMemory,

    /// <summary>The kernel refused an argument.</summary>
    UnsupportedArgument,

    /// <summary>A native library or one of its functions is missing.</summary>
    NativeLibraryGone,

    /// <summary>The device's state is lost: nothing more can run on it in this process. Never fallen back from.</summary>
    DeviceLost,

    /// <summary>A native failure of another kind.</summary>
    Other,
}

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
    /// <returns>null when it is not a failure of a kernel: a cancellation, a bad argument, a bug. Such an exception must reach the caller.</returns>
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

/// <summary>What is said about a kind of failure.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Code">Stable code.</param>
/// <param name="Message">What happened.</param>
/// <param name="Required">What would have been needed.</param>
/// <param name="Remedy">What to do.</param>
public sealed record FailureDescription(FailureKind Kind, string Code, string Message, string Required, string Remedy)
{
    /// <summary>All of them, in the order of <see cref="FailureKind"/>.</summary>
    public static IReadOnlyList<FailureDescription> All { get; } =
    [
        new(FailureKind.NoKernel, "ATT0901", "The native library had no kernel for this problem.",
            "a libtorch that contains the kernel", "none needed, the next backend runs; a newer libtorch may contain the kernel"),
        new(FailureKind.NoKernelImage, "ATT0902", "The native library has no code for this GPU.",
            "a libtorch built for the GPU's architecture", "use a libtorch built for this GPU (--libtorch DIR), or --device cpu"),
        new(FailureKind.OutOfMemory, "ATT0903", "Memory ran out.",
            "enough free memory for the kernel", "none needed, a backend that takes less memory runs; close other programs or use a smaller batch"),
        new(FailureKind.UnsupportedArgument, "ATT0904", "The kernel refused an argument.",
            "arguments within the kernel's limits", "none needed, the next backend runs; please report it, a rule is missing"),
        new(FailureKind.NativeLibraryGone, "ATT0905", "A native library or one of its functions is missing.",
            "a complete installation of libtorch", "run latentsync doctor; restore the packages or give --libtorch DIR"),
        new(FailureKind.DeviceLost, "ATT0906", "The device's state is lost; nothing more can run on it in this process.",
            "a working device", "restart the program; if it happens again, use --attention \"forbid NAME\" with the backend's name"),
        new(FailureKind.Other, "ATT0907", "The kernel failed.",
            "a kernel that completes", "none needed, the next backend runs; please report it with the message"),
    ];
}
