using System.Runtime.InteropServices;

namespace LatentSync.Attention.Torch.Devices;

/// <summary>The driver's library of this machine.</summary>
/// <remarks>CUDA driver API, "Primary Context Management", "Context Management", "Memory Management".</remarks>
internal sealed unsafe class CudaDriver : ICudaDriver
{
    private const int Success = 0;

    private static readonly Lazy<CudaDriver?> Shared = new(Load);

    private readonly delegate* unmanaged<int*, int, int> _deviceGet;
    private readonly delegate* unmanaged<int, uint*, int*, int> _primaryState;
    private readonly delegate* unmanaged<nint*, int, int> _primaryRetain;
    private readonly delegate* unmanaged<int, int> _primaryRelease;
    private readonly delegate* unmanaged<nint, int> _push;
    private readonly delegate* unmanaged<nint*, int> _pop;
    private readonly delegate* unmanaged<nuint*, nuint*, int> _memory;

    private CudaDriver(nint library)
    {
        _deviceGet = (delegate* unmanaged<int*, int, int>)NativeLibrary.GetExport(library, "cuDeviceGet");
        _primaryState = (delegate* unmanaged<int, uint*, int*, int>)NativeLibrary.GetExport(library, "cuDevicePrimaryCtxGetState");
        _primaryRetain = (delegate* unmanaged<nint*, int, int>)NativeLibrary.GetExport(library, "cuDevicePrimaryCtxRetain");
        _primaryRelease = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(library, "cuDevicePrimaryCtxRelease_v2");
        _push = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cuCtxPushCurrent_v2");
        _pop = (delegate* unmanaged<nint*, int>)NativeLibrary.GetExport(library, "cuCtxPopCurrent_v2");
        _memory = (delegate* unmanaged<nuint*, nuint*, int>)NativeLibrary.GetExport(library, "cuMemGetInfo_v2");
    }

    /// <summary>The driver; null when the machine has none that answers.</summary>
    internal static CudaDriver? Instance => Shared.Value;

    public bool TryGetDevice(int index, out int device)
    {
        int found;
        int result = _deviceGet(&found, index);
        device = found;
        return result == Success;
    }

    public bool TryGetPrimaryContextState(int device, out bool isActive)
    {
        uint flags;
        int active;
        int result = _primaryState(device, &flags, &active);
        isActive = active != 0;
        return result == Success;
    }

    public bool TryRetainPrimaryContext(int device, out nint context)
    {
        nint found;
        int result = _primaryRetain(&found, device);
        context = found;
        return result == Success;
    }

    public void ReleasePrimaryContext(int device) => _primaryRelease(device);

    public bool TryPushContext(nint context) => _push(context) == Success;

    public void PopContext()
    {
        nint context;
        _pop(&context);
    }

    public bool TryGetFreeBytes(out long freeBytes)
    {
        nuint free,
            total;
        int result = _memory(&free, &total);
        freeBytes = (long)free;
        return result == Success;
    }

    private static CudaDriver? Load()
    {
        string name = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";
        if (!NativeLibrary.TryLoad(name, out nint library) || !NativeLibrary.TryGetExport(library, "cuInit", out nint init))
        {
            return null;
        }
        try
        {
            return ((delegate* unmanaged<uint, int>)init)(0) == Success ? new CudaDriver(library) : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null; // a driver older than CUDA 7: libtorch does not run on it either
        }
    }
}
