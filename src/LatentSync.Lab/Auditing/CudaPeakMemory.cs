using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Lab.Auditing;

/// <summary>
/// A CUDA device's peak, by what libtorch's caching allocator takes from the driver during a call. The allocator gives nothing back by
/// itself, so that, with an empty cache before, what the driver has less afterwards is the peak, rounded up to the allocator's steps. The
/// cache is emptied by an allocation that cannot succeed: before it reports "out of memory" the allocator returns all that it holds unused.
/// TorchSharp has no method for either.
/// </summary>
/// <remarks>
/// libtorch 2.10, c10/cuda/CUDACachingAllocator.cpp: requests below 1 MiB come from blocks of 2 MiB, those of 1 to 10 MiB from blocks of
/// 20 MiB, larger ones are rounded to 2 MiB. Other programs on the same GPU falsify the measurement, and so do
/// PYTORCH_NO_CUDA_MEMORY_CACHING and the allocator backend cudaMallocAsync.
/// </remarks>
internal sealed class CudaPeakMemory : PeakMeter
{
    /// <summary>More than any GPU has, less than the 1 EiB from which the allocator refuses without looking.</summary>
    private const long ImpossibleBytes = 1L << 50;

    private readonly MemoryQuery _query;
    private readonly Device _device;

    private CudaPeakMemory(MemoryQuery query, Device device) => (_query, _device) = (query, device);

    private delegate int MemoryQuery(out nuint free, out nuint total);

    /// <inheritdoc/>
    internal override string Method =>
        "memory that libtorch takes from the CUDA driver during a call, its cache emptied before (cuMemGetInfo)";

    /// <inheritdoc/>
    internal override long AllowedBeyondBytes => 24L << 20;

    /// <inheritdoc/>
    internal override long? FreeBytes => Free();

    internal static CudaPeakMemory? Create(int index)
    {
        string library = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";
        if (!NativeLibrary.TryLoad(library, out nint handle) || !NativeLibrary.TryGetExport(handle, "cuMemGetInfo_v2", out nint export))
        {
            return null;
        }
        Device device = torch.device(DeviceType.CUDA, index);
        zeros(1, device: device).Dispose(); // makes the device's context current on this thread, which the driver's question needs
        return new CudaPeakMemory(Marshal.GetDelegateForFunctionPointer<MemoryQuery>(export), device);
    }

    /// <inheritdoc/>
    internal override long Measure(Action call)
    {
        call();
        cuda.synchronize();
        EmptyCache();
        long before = Free();
        call();
        cuda.synchronize();
        return Math.Max(before - Free(), 0);
    }

    private void EmptyCache()
    {
        try
        {
            empty(ImpossibleBytes, ScalarType.Byte, _device).Dispose();
        }
        catch (ExternalException)
        {
            // As meant: "CUDA out of memory. Tried to allocate 1048576.00 GiB."
        }
    }

    private long Free() =>
        _query(out nuint free, out _) is var result && result == 0
            ? (long)free
            : throw new InvalidOperationException(FormattableString.Invariant($"cuMemGetInfo gave CUDA error {result}"));
}
