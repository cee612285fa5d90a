using System.Runtime.InteropServices;
using System.Text;
using LatentSync.Attention.Machines;

namespace LatentSync.Platform.Machines;

/// <summary>Asks NVIDIA's management library, which comes with the driver: it creates no context on the GPU and so costs neither
/// memory nor time there.</summary>
/// <remarks>NVML API reference, "Device Queries" and "System Queries".</remarks>
internal static unsafe class NvmlProbe
{
    private const int MostDevices = 256;
    private const int NameLength = 96;

    /// <summary>The library's name on this system.</summary>
    public static string DefaultLibrary => OperatingSystem.IsWindows() ? "nvml.dll" : "libnvidia-ml.so.1";

    /// <summary>The GPUs, or null when the library is not there.</summary>
    /// <param name="library">Name or path of the library.</param>
    /// <exception cref="InvalidOperationException">The library is there and answers with an error.</exception>
    public static GpuFacts? Read(string library)
    {
        if (!NativeLibrary.TryLoad(library, out nint handle))
        {
            return null;
        }
        Check("nvmlInit_v2", ((delegate* unmanaged<int>)Export(handle, "nvmlInit_v2"))());
        try
        {
            uint count;
            Check("nvmlDeviceGetCount_v2", ((delegate* unmanaged<uint*, int>)Export(handle, "nvmlDeviceGetCount_v2"))(&count));
            string? driver = DriverVersion(handle);
            var gpus = new List<GpuInfo>();
            string note = "asked of the NVIDIA driver (NVML)";
            for (uint i = 0; i < Math.Min(count, MostDevices); i++)
            {
                nint device;
                Check(
                    "nvmlDeviceGetHandleByIndex_v2",
                    ((delegate* unmanaged<uint, nint*, int>)Export(handle, "nvmlDeviceGetHandleByIndex_v2"))(i, &device)
                );
                GpuInfo whole = Device(handle, device, driver);
                if (!NvmlMig.IsOn(handle, device))
                {
                    gpus.Add(whole);
                    continue;
                }
                List<GpuInfo> slices = NvmlMig.Slices(handle, device, whole);
                gpus.AddRange(slices);
                note =
                    slices.Count == 0
                        ? $"{whole.Name} is divided (MIG), but no slice of it is visible to this process: give it one (nvidia-smi -L lists them; CUDA_VISIBLE_DEVICES=MIG-...)"
                        : "asked of the NVIDIA driver (NVML); the GPU is divided (MIG), and a process computes on one slice";
            }
            return new GpuFacts(gpus, CudaVersion(handle), note);
        }
        finally
        {
            ((delegate* unmanaged<int>)Export(handle, "nvmlShutdown"))();
        }
    }

    private static GpuInfo Device(nint handle, nint device, string? driver)
    {
        string name = Name(handle, device);
        int major,
            minor;
        int known = ((delegate* unmanaged<nint, int*, int*, int>)Export(handle, "nvmlDeviceGetCudaComputeCapability"))(
            device,
            &major,
            &minor
        );
        ulong* memory = stackalloc ulong[3]; // total, free, used
        Check(
            "nvmlDeviceGetMemoryInfo",
            ((delegate* unmanaged<nint, ulong*, int>)Export(handle, "nvmlDeviceGetMemoryInfo"))(device, memory)
        );
        string? capability = known == 0 ? FormattableString.Invariant($"{major}.{minor}") : null;
        return new GpuInfo(name, capability, (long)memory[0], (long)memory[1], driver) { Maker = "nvidia" };
    }

    internal static string Name(nint handle, nint device)
    {
        byte* name = stackalloc byte[NameLength];
        Check(
            "nvmlDeviceGetName",
            ((delegate* unmanaged<nint, byte*, uint, int>)Export(handle, "nvmlDeviceGetName"))(device, name, NameLength)
        );
        return Text(name, NameLength);
    }

    private static string? DriverVersion(nint handle)
    {
        byte* text = stackalloc byte[NameLength];
        int result = ((delegate* unmanaged<byte*, uint, int>)Export(handle, "nvmlSystemGetDriverVersion"))(text, NameLength);
        return result == 0 ? Text(text, NameLength) : null;
    }

    private static string? CudaVersion(nint handle)
    {
        if (!NativeLibrary.TryGetExport(handle, "nvmlSystemGetCudaDriverVersion_v2", out nint export))
        {
            return null;
        }
        int version;
        return ((delegate* unmanaged<int*, int>)export)(&version) == 0 ? CudaVersionText(version) : null;
    }

    /// <summary>12080 is "12.8".</summary>
    internal static string CudaVersionText(int version) => FormattableString.Invariant($"{version / 1000}.{version % 1000 / 10}");

    private static nint Export(nint handle, string name) => NativeLibrary.GetExport(handle, name);

    private static void Check(string function, int result)
    {
        if (result != 0)
        {
            string meaning = result switch
            {
                4 => "no permission",
                9 => "the driver is not loaded",
                15 => "the GPU is lost",
                18 => "library and kernel driver are of different versions: restart the machine",
                _ => "see NVML's nvmlReturn_t",
            };
            throw new InvalidOperationException(FormattableString.Invariant($"{function} gave error {result} ({meaning})"));
        }
    }

    internal static string Text(byte* text, int length)
    {
        var bytes = new ReadOnlySpan<byte>(text, length);
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
