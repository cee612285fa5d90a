namespace LatentSync.Lab.FaultInjection;

/// <summary>Ways in which a kernel can go wrong, each as a real one does it.</summary>
internal enum FaultKind
{
    /// <summary>libtorch: "No available kernel".</summary>
    NoAvailableKernel,

    /// <summary>CUTLASS: no kernel for the type or the GPU.</summary>
    NoKernelFound,

    /// <summary>libtorch: an operator that does not exist for the device.</summary>
    NoOperator,

    /// <summary>CUDA: no code for the GPU.</summary>
    NoKernelImage,

    /// <summary>CUDA's allocator.</summary>
    CudaOutOfMemory,

    /// <summary>The CPU's allocator.</summary>
    CpuOutOfMemory,

    /// <summary>A C++ library: std::bad_alloc.</summary>
    BadAlloc,

    /// <summary>.NET: <see cref="OutOfMemoryException"/>.</summary>
    ManagedOutOfMemory,

    /// <summary>CUDA: a launch beyond the limits.</summary>
    InvalidConfiguration,

    /// <summary>libtorch: an argument it does not take, said through TorchScript.</summary>
    RefusedArgument,

    /// <summary>A library that was removed.</summary>
    LibraryGone,

    /// <summary>A function that a library does not have.</summary>
    FunctionGone,

    /// <summary>cuDNN has no plan.</summary>
    CuDnnNotSupported,

    /// <summary>cuDNN: something else.</summary>
    CuDnnInternalError,

    /// <summary>The device's state is lost. Not among <see cref="FaultPlan.Curable"/>: it ends the process's use of the device.</summary>
    DeviceLost,

    /// <summary>The result holds NaN. Nothing is thrown: only a self-test that meets it finds it.</summary>
    NotANumber,

    /// <summary>The result is off by a factor. Nothing is thrown: only a self-test that meets it finds it.</summary>
    WrongNumbers,
}
