using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace LatentSync.Attention.Machines;

/// <summary>The vectors in which managed-flash computes on a processor.</summary>
/// <param name="Name">"AVX-512", "AVX2+FMA", "NEON" or "portable".</param>
/// <param name="Bits">Bits of a vector: 512, 256 or 128.</param>
public sealed record VectorPath(string Name, int Bits)
{
    private static readonly VectorPath Avx512 = new("AVX-512", 512),
        Avx2 = new("AVX2+FMA", 256),
        Neon = new("NEON", 128),
        Portable = new("portable", 128);

    /// <summary>The one that the kernels of this process take: .NET's choice, which the user's settings change
    /// (DOTNET_EnableAVX512=0).</summary>
    public static VectorPath OfThisProcess { get; } =
        Vector512.IsHardwareAccelerated ? Avx512
        : Vector256.IsHardwareAccelerated ? Avx2
        : AdvSimd.IsSupported ? Neon
        : Portable;

    /// <summary>The one of a processor, found or described.</summary>
    /// <param name="cpu">The processor.</param>
    public static VectorPath Of(CpuInfo cpu)
    {
        ArgumentNullException.ThrowIfNull(cpu);
        return cpu.Isa.Contains("avx512f") && !IsThrottled(cpu) ? Avx512
            : cpu.Isa.Contains("avx2") ? Avx2
            : cpu.Isa.Contains("advsimd") ? Neon
            : Portable;
    }

    /// <summary>Intel's first processors with AVX-512 (Skylake to Cooper Lake) lower their clock for 512 bits, and .NET prefers 256 there.
    /// They have AVX512-VL but not yet AVX512-VBMI, as all later ones do.</summary>
    private static bool IsThrottled(CpuInfo cpu) => cpu.Isa.Contains("avx512vl") && !cpu.Isa.Contains("avx512vbmi");
}
