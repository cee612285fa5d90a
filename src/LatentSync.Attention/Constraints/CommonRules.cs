using System.Globalization;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Constraints;

/// <summary>Rules of everything that libtorch computes: the library, the device, the driver, the GPU's code.</summary>
internal static class CommonRules
{
    /// <summary>Code of "this process has no such backend".</summary>
    public const string NotInProcessCode = "ATT0107";

    /// <summary>The rules, in the order they are reported.</summary>
    public static IReadOnlyList<Constraint> All { get; } =
    [
        new("ATT0101", "{0} needs libtorch.", "a libtorch that can be loaded",
            "run latentsync doctor; restore the packages or give --libtorch DIR", "TorchSharp",
            (in ConstraintSubject s) => s.Machine.LibTorch is null ? "no libtorch" : null),
        new("ATT0102", "The device of the problem must exist.", "a GPU with this index",
            "use --device cpu, or another GPU's index", "Machine.Gpus",
            (in ConstraintSubject s) => s.Problem.Device.Kind == AttentionDeviceKind.Cuda && s.Gpu is null
                ? string.Create(CultureInfo.InvariantCulture, $"{s.Problem.Device}, {s.Machine.Gpus.Count} GPUs")
                : null),
        new("ATT0103", "Tensors on a CUDA device need a libtorch built for CUDA.", "a CUDA build of libtorch",
            "build with -p:LibTorchFlavor=cuda, or give --libtorch DIR with a CUDA build, or use --device cpu", "libtorch's dispatcher",
            (in ConstraintSubject s) => s.Problem.Device.Kind == AttentionDeviceKind.Cuda && s.Machine.LibTorch?.Flavor == "cpu"
                ? "libtorch for the CPU only"
                : null),
        new("ATT0104", "libtorch must contain machine code for the GPU.", "code for the GPU's compute capability",
            "use a libtorch built for this GPU (cu126 for Maxwell and Pascal), or --device cpu",
            "pytorch RELEASE.md: cu128 has 7.0 7.5 8.0 8.6 9.0 10.0 12.0; machine code X.y runs on X.z, z >= y",
            (in ConstraintSubject s) => s.Gpu is { } gpu && s.Machine.LibTorch is { } library
                && !GpuArchitectures.HasCodeFor(library, gpu.ComputeCapability)
                    ? $"{gpu.Name}, compute capability {gpu.ComputeCapability}; libtorch has {string.Join(" ", library.Architectures)}"
                    : null),
        new("ATT0106", "The driver must know the CUDA version libtorch was built for.",
            "a driver for the same major CUDA version or a newer one",
            "update the NVIDIA driver, or use a libtorch built for an older CUDA, or --device cpu", "CUDA minor-version compatibility",
            (in ConstraintSubject s) => s.Problem.Device.Kind == AttentionDeviceKind.Cuda
                && s.Machine.Cuda is { Runtime: { } runtime, Driver: var driver } && (driver is null || Major(driver) < Major(runtime))
                    ? $"driver for CUDA {driver ?? "(none)"}, libtorch for CUDA {runtime}"
                    : null),
    ];

    /// <summary>The reason of a backend that is known but not part of this process.</summary>
    /// <param name="backend">Backend's name.</param>
    public static Reason NotInProcess(string backend) =>
        new(NotInProcessCode, $"{backend} is not part of this process.", "no implementation registered",
            "an implementation given to the dispatcher", "none needed, another backend runs");

    private static int Major(string version) =>
        int.TryParse(version.AsSpan(0, version.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? dot : version.Length),
            NumberStyles.None, CultureInfo.InvariantCulture, out int major)
            ? major
            : int.MaxValue;
}
