using System.Runtime.InteropServices;
using LatentSync.Attention.Machines;

namespace LatentSync.Platform.Machines;

/// <summary>Asks the CUDA driver itself, for systems without the management library (some containers, Jetson).</summary>
/// <remarks>CUDA driver API, "Initialization", "Version Management", "Device Management"; attributes 75 and 76 are the compute
/// capability.</remarks>
internal static unsafe class CudaDriverProbe
{
    private const int MostDevices = 256;
    private const int NameLength = 256;

    /// <summary>The library's name on this system.</summary>
    public static string DefaultLibrary => OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    /// <summary>The GPUs, or null when the library is not there.</summary>
    /// <param name="library">Name or path of the library.</param>
    /// <exception cref="InvalidOperationException">The library is there and answers with an error.</exception>
    public static GpuFacts? Read(string library)
    {
        if (!NativeLibrary.TryLoad(library, out nint handle))
        {
            return null;
        }
        int version;
        Check("cuDriverGetVersion", ((delegate* unmanaged<int*, int>)Export(handle, "cuDriverGetVersion"))(&version));
        string cuda = NvmlProbe.CudaVersionText(version);
        int started = ((delegate* unmanaged<uint, int>)Export(handle, "cuInit"))(0);
        if (started == 100)
        {
            return new GpuFacts([], cuda, "the CUDA driver is there, but no GPU (CUDA_ERROR_NO_DEVICE)");
        }
        Check("cuInit", started);
        int count;
        Check("cuDeviceGetCount", ((delegate* unmanaged<int*, int>)Export(handle, "cuDeviceGetCount"))(&count));
        var gpus = new List<GpuInfo>();
        for (int i = 0; i < Math.Min(count, MostDevices); i++)
        {
            gpus.Add(Device(handle, i));
        }
        return new GpuFacts(gpus, cuda, "asked of the CUDA driver");
    }

    private static GpuInfo Device(nint handle, int ordinal)
    {
        int device,
            major,
            minor;
        nuint memory;
        byte* name = stackalloc byte[NameLength];
        Check("cuDeviceGet", ((delegate* unmanaged<int*, int, int>)Export(handle, "cuDeviceGet"))(&device, ordinal));
        Check("cuDeviceGetName", ((delegate* unmanaged<byte*, int, int, int>)Export(handle, "cuDeviceGetName"))(name, NameLength, device));
        var attribute = (delegate* unmanaged<int*, int, int, int>)Export(handle, "cuDeviceGetAttribute");
        Check("cuDeviceGetAttribute", attribute(&major, 75, device));
        Check("cuDeviceGetAttribute", attribute(&minor, 76, device));
        Check("cuDeviceTotalMem_v2", ((delegate* unmanaged<nuint*, int, int>)Export(handle, "cuDeviceTotalMem_v2"))(&memory, device));
        string text = NvmlProbe.Text(name, NameLength);
        // The free memory is known only inside a context, which costs time and memory on the GPU: it stays unknown.
        return new GpuInfo(text, FormattableString.Invariant($"{major}.{minor}"), (long)memory, null, null)
        {
            Maker = "nvidia",
            MigProfile = NvmlMig.Profile(text),
        };
    }

    private static nint Export(nint handle, string name) => NativeLibrary.GetExport(handle, name);

    private static void Check(string function, int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException(FormattableString.Invariant($"{function} gave CUDA error {result}"));
        }
    }
}
