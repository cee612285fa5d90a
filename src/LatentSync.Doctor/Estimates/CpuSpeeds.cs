using LatentSync.Attention.Machines;

namespace LatentSync.Doctor.Estimates;

/// <summary>The speed to expect of a processor that nobody can measure on: cores x clock x operations per clock x what is reached of
/// that.</summary>
internal static class CpuSpeeds
{
    /// <summary>Clock with all cores busy; descriptions do not tell it.</summary>
    private const double Clock = 3.0e9;

    /// <summary>Of the peak, what libtorch reaches in float32: by the records of Zen 3, Zen 5 and an Intel Xeon (docs/benchmarks) 0.3 to
    /// 0.8.</summary>
    private const double ReachedInConvolutions = 0.6,
        ReachedInProducts = 0.5;

    /// <summary>The speed in float32.</summary>
    /// <param name="cpu">The processor.</param>
    public static MachineSpeed Of(CpuInfo cpu)
    {
        double peak = cpu.Cores * Clock * OperationsPerClock(cpu);
        return new MachineSpeed(ReachedInConvolutions * peak, ReachedInProducts * peak) { IsMeasured = false };
    }

    /// <summary>Elements of a vector, times two for a multiplication and an addition, times the units that do it.</summary>
    private static double OperationsPerClock(CpuInfo cpu)
    {
        bool isWide = cpu.Architecture == "arm64" && cpu.Name.StartsWith("Apple", StringComparison.OrdinalIgnoreCase);
        (double width, double units) =
            cpu.Isa.Contains("avx512f") ? (16, 1.5) // the half of such processors has one unit, or two that join
            : cpu.Isa.Contains("avx2") ? (8, 2)
            : cpu.Isa.Contains("advsimd") ? (4, isWide ? 4.0 : 2)
            : (4, 1);
        return width * 2 * units;
    }
}
