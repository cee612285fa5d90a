using System.Globalization;
using LatentSync.Attention.Machines;

namespace LatentSync.Compute;

/// <summary>Which CUDA an NVIDIA driver knows.</summary>
/// <remarks>NVIDIA, CUDA toolkit release notes, table "CUDA Toolkit and Corresponding Driver Versions" and "CUDA Compatibility", table
/// 1.</remarks>
public static class CudaDrivers
{
    /// <summary>Driver series and the newest CUDA it knows.</summary>
    private static readonly (int Series, string Cuda)[] Series =
    [
        (384, "9.0"),
        (390, "9.1"),
        (396, "9.2"),
        (410, "10.0"),
        (418, "10.1"),
        (440, "10.2"),
        (450, "11.0"),
        (455, "11.1"),
        (460, "11.2"),
        (465, "11.3"),
        (470, "11.4"),
        (495, "11.5"),
        (510, "11.6"),
        (515, "11.7"),
        (520, "11.8"),
        (525, "12.0"),
        (530, "12.1"),
        (535, "12.2"),
        (545, "12.3"),
        (550, "12.4"),
        (555, "12.5"),
        (560, "12.6"),
        (565, "12.7"),
        (570, "12.8"),
        (575, "12.9"),
        (580, "13.0"),
        (590, "13.1"),
    ];

    /// <summary>Compute capability and the first CUDA that knows it; a driver must know that one to use the GPU.</summary>
    /// <remarks>NVIDIA, CUDA toolkit release notes and the compatibility guides of Volta to Blackwell; 8.7, 10.3 and 12.1 from
    /// memory.</remarks>
    private static readonly (int Capability, string Cuda)[] Capabilities =
    [
        (50, "6.5"),
        (52, "7.0"),
        (60, "8.0"),
        (70, "9.0"),
        (75, "10.0"),
        (80, "11.0"),
        (86, "11.1"),
        (87, "11.4"),
        (89, "11.8"),
        (90, "11.8"),
        (100, "12.8"),
        (103, "12.9"),
        (110, "13.0"),
        (120, "12.8"),
        (121, "12.9"),
    ];

    /// <summary>The oldest CUDA that a driver must know for a GPU, "12.8" of "12.0"; null when the GPU is older than the table.</summary>
    /// <param name="capability">The GPU's compute capability.</param>
    public static string? LeastFor(string? capability) =>
        GpuArchitectures.TryParse(capability, out int number) ? Capabilities.LastOrDefault(entry => entry.Capability <= number).Cuda : null;

    /// <summary>The first driver series that knows a CUDA version: "570" of "12.8"; null when the table has none.</summary>
    /// <param name="cuda">The CUDA version.</param>
    public static string? FirstWith(string cuda) =>
        Versions.Parse(cuda) is { } wanted && Series.FirstOrDefault(entry => Versions.Parse(entry.Cuda) >= wanted) is { Series: > 0 } first
            ? first.Series.ToString(CultureInfo.InvariantCulture)
            : null;

    /// <summary>The oldest driver for a GPU with a libtorch: the newer of what both need.</summary>
    /// <param name="runtime">The CUDA that libtorch was built for.</param>
    /// <param name="capability">The GPU's compute capability.</param>
    public static string OldestFor(string runtime, string? capability)
    {
        string byRuntime = OldestFor(runtime);
        string? byGpu = LeastFor(capability) is { } least ? FirstWith(least) : null;
        return byGpu is not null && int.Parse(byGpu, CultureInfo.InvariantCulture) > Versions.Parse(byRuntime)!.Major ? byGpu : byRuntime;
    }

    /// <summary>The newest CUDA that a driver knows, "11.7" of "515.65.01"; null when the driver is older than the table.</summary>
    /// <param name="driver">The driver's version.</param>
    public static string? CudaOf(string driver) =>
        Versions.Parse(driver) is { } version ? Series.LastOrDefault(entry => entry.Series <= version.Major).Cuda : null;

    /// <summary>The oldest driver that runs programs built for a CUDA version, by its major number: "525.60".</summary>
    /// <param name="cuda">"12.8".</param>
    public static string OldestFor(string cuda) =>
        Versions.Parse(cuda)?.Major switch
        {
            <= 11 => "450.80",
            12 => "525.60",
            _ => "580.65",
        };
}
