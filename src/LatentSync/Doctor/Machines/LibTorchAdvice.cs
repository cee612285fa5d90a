using LatentSync.Attention.Constraints;
using LatentSync.Attention.Selection;
using LatentSync.Platform.LibTorch;

namespace LatentSync.Doctor.Machines;

/// <summary>Which libtorch a GPU should have: one of the version that TorchSharp was built against.</summary>
internal static class LibTorchAdvice
{
    /// <summary>The build that TorchSharp's own CUDA packages bring.</summary>
    private const string Packaged = "cu128";

    /// <summary>"2.10.0+cu128"; null when no build of that version has code for the GPU.</summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="os">The operating system; there are no builds for macOS.</param>
    public static string? BuildFor(GpuInfo gpu, OsFamily os)
    {
        string version = LibTorchRequirements.LibTorch;
        LibTorchBuild[] builds = os == OsFamily.MacOs
            ? []
            : [.. LibTorchCatalog.OfVersion(version).Where(build => GpuArchitectures.HasCodeFor(new LibTorchInfo(version, build.Flavor, null, false, build.Architectures), gpu.ComputeCapability))];
        return builds.Length == 0 ? null : $"{version}+{(builds.Any(build => build.Flavor == Packaged) ? Packaged : builds[0].Flavor)}";
    }
}
