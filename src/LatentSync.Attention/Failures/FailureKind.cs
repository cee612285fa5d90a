namespace LatentSync.Attention.Failures;

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

    /// <summary>The kernel's self-test gave wrong numbers: it would compute, but not attention.</summary>
    WrongNumbers,
}
