using LatentSync.Attention.Machines;
using LatentSync.Platform.LibTorch;

namespace LatentSync.Doctor.Machines;

/// <summary>Which libtorch a GPU should have: one of the version that TorchSharp was built against.</summary>
internal static class LibTorchAdvice
{
    /// <summary>The build that TorchSharp's own CUDA packages bring.</summary>
    public const string PackagedFlavor = "cu128";

    /// <summary>"2.10.0+cu128"; null when no build of that version has code for the GPU.</summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="os">The operating system; there are no builds for macOS.</param>
    public static string? BuildFor(GpuInfo gpu, OsFamily os)
    {
        string version = LibTorchRequirements.LibTorch;
        LibTorchBuild[] builds =
            os == OsFamily.MacOs
                ? []
                :
                [
                    .. LibTorchCatalog
                        .OfVersion(version)
                        .Where(build =>
                            GpuArchitectures.HasCodeFor(
                                new LibTorchInfo(version, build.Flavor, null, false, build.Architectures),
                                gpu.ComputeCapability
                            )
                        ),
                ];
        return builds.Length == 0
            ? null
            : $"{version}+{(builds.Any(build => build.Flavor == PackagedFlavor) ? PackagedFlavor : builds[0].Flavor)}";
    }

    /// <summary>The machine with another libtorch and a driver that is new enough for it.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="build">As <see cref="BuildFor"/> gives it.</param>
    public static Machine With(Machine machine, string build)
    {
        string[] parts = build.Split('+');
        LibTorchBuild known = LibTorchCatalog.Find(parts[0], parts[1])!;
        var torch = new LibTorchInfo(parts[0], parts[1], null, false, known.Architectures) { HasEfficientAttention = true };
        return machine with { LibTorch = torch, Cuda = new CudaInfo(known.Cuda, known.Cuda) };
    }
}
