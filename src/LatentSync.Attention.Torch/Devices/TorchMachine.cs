using System.Runtime.InteropServices;
using LatentSync.Attention.Machines;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Machines;
using TorchSharp;

namespace LatentSync.Attention.Torch.Devices;

/// <summary>The machine as far as TorchSharp knows it, for dispatchers that are not given a detected one. Facts it cannot tell, such as a
/// GPU's compute capability, stay unknown, and rules about them refuse nothing.</summary>
internal static class TorchMachine
{
    private static readonly Lazy<Machine> Known = new(Ask);

    internal static Machine Describe() => Known.Value;

    private static Machine Ask()
    {
        LibTorchLoad load = TorchRuntime.EnsureLoaded();
        bool hasCuda = torch.cuda.is_available();
        int gpus = hasCuda ? torch.cuda.device_count() : 0;
        string version = load.Version ?? torch.__version__; // TorchSharp's is that of the libtorch it was built against
        return new Machine(
            RuntimeInformation.OSDescription,
            CpuProbe.Read("/"),
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            [.. Enumerable.Range(0, gpus).Select(index => new GpuInfo($"CUDA device {index}", null, 0, null, null))],
            null,
            new LibTorchInfo(
                version.EndsWith(".0", StringComparison.Ordinal) && version.Count(c => c == '.') == 3 ? version[..^2] : version,
                load.Flavor,
                load.Folder,
                load.Repaired,
                []
            )
        );
    }
}
