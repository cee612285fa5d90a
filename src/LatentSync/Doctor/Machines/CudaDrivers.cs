using LatentSync.Attention.Selection;

namespace LatentSync.Doctor.Machines;

/// <summary>Which CUDA an NVIDIA driver knows.</summary>
/// <remarks>NVIDIA, CUDA toolkit release notes, table "CUDA Toolkit and Corresponding Driver Versions" and "CUDA Compatibility", table 1.</remarks>
internal static class CudaDrivers
{
    /// <summary>Driver series and the newest CUDA it knows.</summary>
    private static readonly (int Series, string Cuda)[] Series =
    [
        (384, "9.0"), (390, "9.1"), (396, "9.2"), (410, "10.0"), (418, "10.1"), (440, "10.2"), (450, "11.0"), (455, "11.1"), (460, "11.2"), (465, "11.3"),
        (470, "11.4"), (495, "11.5"), (510, "11.6"), (515, "11.7"), (520, "11.8"), (525, "12.0"), (530, "12.1"), (535, "12.2"), (545, "12.3"), (550, "12.4"),
        (555, "12.5"), (560, "12.6"), (565, "12.7"), (570, "12.8"), (575, "12.9"), (580, "13.0"), (590, "13.1"),
    ];

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
