using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Wording;

namespace LatentSync.Attention.Rules;

/// <summary>Rules of everything that libtorch computes (ATT01nn): the library, the device, the driver, the GPU's code.</summary>
internal static class CommonRules
{
    /// <summary>Code of "this process has no such backend".</summary>
    public const string NotInProcessCode = "ATT0107";

    /// <summary>The rules, in the order they are reported.</summary>
    public static IReadOnlyList<Constraint> All { get; } =
    [
        new(
            "ATT0101",
            "{0} needs libtorch.",
            "a libtorch that can be loaded",
            "run ⟦doctor⟧; or restore the packages; or give ⟦LibTorchFolder DIR⟧",
            "TorchSharp",
            (in ConstraintSubject s) => s.Machine.LibTorch is null ? Finding.Of("no libtorch") : null
        )
        {
            Effort = RemedyEffort.Option,
        },
        new(
            "ATT0102",
            "The device of the problem must exist.",
            "a GPU with this index",
            "use ⟦Device cpu⟧; or another GPU's index",
            "Machine.Gpus",
            (in ConstraintSubject s) =>
                s.OnCuda && s.Gpu is null ? Finding.Of("{0}, GPUs on this machine: {1}", s.Problem.Device, s.Machine.Gpus.Count) : null
        )
        {
            Effort = RemedyEffort.Option,
        },
        new(
            "ATT0103",
            "Tensors on a CUDA device need a libtorch built for CUDA.",
            "a CUDA build of libtorch",
            "use ⟦Device cpu⟧; or give ⟦LibTorchFolder DIR⟧ with a CUDA build; or build with -p:LibTorchFlavor=cuda",
            "libtorch's dispatcher",
            (in ConstraintSubject s) => s.OnCuda && s.Machine.LibTorch?.Flavor == "cpu" ? Finding.Of("libtorch for the CPU only") : null
        )
        {
            Effort = RemedyEffort.Option,
        },
        new(
            "ATT0104",
            "libtorch must contain machine code for the GPU.",
            "code for the GPU's compute capability",
            "use ⟦Device cpu⟧; or a libtorch built for this GPU (cu126 for Maxwell and Pascal, cu128 up to libtorch 2.10 for "
                + "Volta, cu128 since libtorch 2.7 for Blackwell)",
            "pytorch RELEASE.md: cu128 has 7.0 7.5 8.0 8.6 9.0 10.0 12.0; machine code X.y runs on X.z, z >= y",
            (in ConstraintSubject s) =>
                s.Gpu is { } gpu && s.Machine.LibTorch is { } library && !GpuArchitectures.HasCodeFor(library, gpu.ComputeCapability)
                    ? Finding.Of(
                        "{0}, compute capability {1}; libtorch has code for {2}",
                        gpu.Name,
                        gpu.ComputeCapability,
                        string.Join(" ", library.Architectures)
                    )
                    : null
        )
        {
            Effort = RemedyEffort.Option,
        },
        new(
            "ATT0106",
            "The driver must know the CUDA version libtorch was built for.",
            "a driver for the same major CUDA version or a newer one",
            "use ⟦Device cpu⟧; or a libtorch built for an older CUDA; or update the NVIDIA driver",
            "CUDA minor-version compatibility",
            (in ConstraintSubject s) =>
                s.OnCuda && s.Machine.Cuda is { Runtime: { } runtime } cuda
                    ? cuda.Driver is not { } driver
                        ? Finding.Of("no driver for CUDA, libtorch for CUDA {0}", runtime)
                        : CudaVersion.Major(driver) < CudaVersion.Major(runtime)
                            ? Finding.Of("driver for CUDA {0}, libtorch for CUDA {1}", driver, runtime)
                            : null
                    : null
        )
        {
            Effort = RemedyEffort.Option,
        },
        new(
            "ATT0108",
            "Apple GPUs have no float64.",
            "float16, bfloat16 or float32",
            "use ⟦DType f32⟧; or ⟦Device cpu⟧",
            "Metal Shading Language Specification, scalar types; libtorch's MPS backend refuses float64",
            (in ConstraintSubject s) =>
                s.Problem is { Device.Kind: AttentionDeviceKind.Mps, DType: AttentionDType.Float64 }
                    ? Finding.Verbatim("float64, mps")
                    : null
        )
        {
            Effort = RemedyEffort.Option,
        },
    ];

    /// <summary>The rule of fused kernels: libtorch has its fused kernels for AMD's GPUs from another source, which no rule here knows; the
    /// standard path and slices run there.</summary>
    public static Constraint NvidiaOnly { get; } =
        new(
            "ATT0109",
            "{0} on a GPU is known on NVIDIA's only.",
            "an NVIDIA GPU",
            Constraint.UseAnother,
            "libtorch on ROCm takes AOTriton's kernels, with limits of their own; torch-math and sliced need no special kernel",
            (in ConstraintSubject s) =>
                s.OnCuda && (s.Gpu?.Maker == "amd" || IsRocm(s.Machine.LibTorch))
                    ? Finding.Of("{0}, libtorch {1}", s.Gpu?.Name ?? "AMD", s.Machine.LibTorch?.Flavor)
                    : null
        )
        {
            Effort = RemedyEffort.Hardware,
        };

    /// <summary>A backend that is known but not part of this process.</summary>
    public static Constraint NotInProcess { get; } =
        new(
            NotInProcessCode,
            "{0} is not part of this process.",
            "an implementation given to the dispatcher",
            Constraint.UseAnother,
            "AttentionDispatcherOptions.Backends",
            (in ConstraintSubject _) => Finding.Of("no implementation registered")
        )
        {
            IsOurs = true,
        };

    private static bool IsRocm(LibTorchInfo? library) => library?.Flavor.StartsWith("rocm", StringComparison.Ordinal) == true;
}
