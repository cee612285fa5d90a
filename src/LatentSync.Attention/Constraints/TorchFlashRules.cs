using System.Globalization;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Constraints;

/// <summary>Rules of libtorch's fused kernels: the tiled kernel on the CPU and what both have in common (ATT02nn), FlashAttention-2 on
/// CUDA (ATT08nn).</summary>
public static class TorchFlashRules
{
    /// <summary>Blocks a CUDA launch can have along one axis.</summary>
    public const int LaunchLimit = 65_535;

    private const string CpuSource = "libtorch 2.10, sdp_utils_cpp.cpp; compared with _fused_sdp_choice in the tests";
    private const string CudaSource = "libtorch 2.10, cuda/sdp_utils.cpp; read, not yet run on a GPU";
    private const string UseAnother = "none needed, another backend runs";

    /// <summary>The backend.</summary>
    public static BackendRules Backend { get; } = new(
        AttentionBackendNames.TorchFlash,
        "libtorch's fused kernel: FlashAttention-2 on CUDA, its tiled kernel on the CPU",
        [.. CommonRules.All, .. CommonToBoth(), .. OnTheCpu(), .. OnCudaDevices()],
        EstimateBytes);

    private static IEnumerable<Constraint> CommonToBoth() =>
    [
        new("ATT0200", "{0} has kernels for the CPU and for CUDA.", "device cpu or cuda", UseAnother, "libtorch 2.10, attention.cpp",
            (in ConstraintSubject s) => IsOnCpu(s) || IsOnCuda(s) ? null : $"device {s.Problem.Device}"),
        new("ATT0201", "{0} takes (B, H, L, D).", "rank 4", UseAnother, CpuSource,
            (in ConstraintSubject s) => s.Problem.Rank != 4 ? Number("rank", s.Problem.Rank) : null)
            { Repair = "the operands are viewed as (B, H, L, D)" },
        new("ATT0203", "{0} needs values as long as keys.", "valueDim = headDim", UseAnother, CpuSource,
            (in ConstraintSubject s) => s.Problem.ValueDim != s.Problem.HeadDim
                ? $"{Number("headDim", s.Problem.HeadDim)}, {Number("valueDim", s.Problem.ValueDim)}"
                : null)
            { Repair = "the shorter operands are padded with zeros and the result is cut" },
        new("ATT0204", "{0} needs at least one query and one key.", "Lq >= 1 and Lk >= 1", UseAnother,
            CpuSource + "; the kernel itself crashes the process",
            (in ConstraintSubject s) => s.Problem.QueryLength == 0 || s.Problem.KeyLength == 0
                ? $"{Number("Lq", s.Problem.QueryLength)}, {Number("Lk", s.Problem.KeyLength)}"
                : null),
        new("ATT0205", "{0} does not broadcast the batch.", "the same batch in query, key and value", UseAnother,
            CpuSource + "; the kernel itself reads beyond the operand",
            (in ConstraintSubject s) => s.Problem.BroadcastsBatch ? "key or value with batch 1" : null)
            { Repair = "the operand is expanded with stride 0, without a copy" },
        new("ATT0208", "{0} needs the elements of a vector side by side.", "stride 1 in the last dimension", UseAnother,
            CpuSource + "; the kernel itself reads wrong elements",
            (in ConstraintSubject s) => s.Problem.Strided != AttentionOperands.None
                && !(IsOnCuda(s) && s.Problem is { HeadDim: 1, ValueDim: 1 })
                    ? $"{s.Problem.Strided} with another stride"
                    : null)
            { Repair = "the operand is copied" },
        new("ATT0211", "{0} has no softcap.", "softcap 0", UseAnother, CpuSource,
            (in ConstraintSubject s) => s.Problem.Softcap > 0 ? Number("softcap", s.Problem.Softcap) : null),
        new("ATT0213", "{0} needs at least one sequence.", "batch >= 1", UseAnother,
            "caution; the kernels were not tried with an empty batch",
            (in ConstraintSubject s) => s.Problem.Batch == 0 ? "batch 0" : null),
    ];

    private static IEnumerable<Constraint> OnTheCpu() =>
    [
        new("ATT0202", "{0} has no dropout on the CPU.", "dropout 0", UseAnother, CpuSource,
            (in ConstraintSubject s) => IsOnCpu(s) && s.Problem.Dropout > 0 ? Number("dropout", s.Problem.Dropout) : null),
        new("ATT0206", "{0} takes masks of rank 2 or 4.", "a mask (Lq, Lk) or (B, H, Lq, Lk)", UseAnother, CpuSource,
            (in ConstraintSubject s) => IsOnCpu(s) && s.Problem.Mask is { Kind: not AttentionMaskKind.None, Rank: not (2 or 4) and var rank }
                ? Number("mask rank", rank)
                : null)
            { Repair = "the mask is viewed as (B, H, Lq, Lk)" },
        new("ATT0207", "{0} has no gradient for the mask.", "a mask without gradient", UseAnother, CpuSource,
            (in ConstraintSubject s) => IsOnCpu(s) && s.Problem.Mask.NeedsGradient ? "a mask that needs a gradient" : null),
        new("ATT0209", "{0} has only the top-left causal diagonal on the CPU.", "causal top-left, or Lq = Lk", UseAnother, CpuSource,
            (in ConstraintSubject s) => IsOnCpu(s) && s.Problem.IsShiftedCausal ? "causal bottom-right" : null)
            { Repair = "the diagonal becomes an additive (Lq, Lk) mask" },
        new("ATT0210", "{0} has no sliding window on the CPU.", "no window", UseAnother, CpuSource,
            (in ConstraintSubject s) => IsOnCpu(s) && s.Problem.HasWindow ? "a window" : null)
            { Repair = "the window becomes an additive (Lq, Lk) mask" },
        new("ATT0212", "An additive mask must have the query's element type (float32 will do for 16-bit queries).",
            "a mask of the query's type", UseAnother,
            "found by running libtorch 2.10: for float64 operands it takes a float32 mask and computes wrong numbers",
            (in ConstraintSubject s) => IsOnCpu(s) && s.Problem.Mask.Kind == AttentionMaskKind.Additive
                && s.Problem.Mask.DType != s.Problem.DType
                && !(s.Problem.Mask.DType == AttentionDType.Float32 && s.Problem.DType.Size() == 2)
                    ? $"{s.Problem.DType.LongName()} with a {s.Problem.Mask.DType.LongName()} mask"
                    : null)
            { Repair = "the mask is converted" },
    ];

    private static IEnumerable<Constraint> OnCudaDevices() =>
    [
        new("ATT0801", "{0} on CUDA handles head dims up to 256.", "headDim <= 256 and valueDim <= 256", UseAnother, CudaSource,
            (in ConstraintSubject s) => IsOnCuda(s) && LargestDim(s.Problem) > 256
                ? Number(s.Problem.HeadDim > 256 ? "headDim" : "valueDim", LargestDim(s.Problem))
                : null),
        new("ATT0802", "{0} on CUDA computes in 16 bits only.", "float16 or bfloat16", UseAnother + "; or --dtype f16", CudaSource,
            (in ConstraintSubject s) => IsOnCuda(s) && s.Problem.DType.Size() != 2 ? s.Problem.DType.LongName() : null),
        new("ATT0803", "{0} on CUDA needs an Ampere GPU or a newer one.", "compute capability 8.0 to 12.1", UseAnother, CudaSource,
            (in ConstraintSubject s) => Capability(s) is not (null or (>= 80 and <= 121))
                ? $"{s.Gpu!.Name}, compute capability {s.Gpu.ComputeCapability}"
                : null),
        new("ATT0804", "{0} on CUDA takes no mask.", "no mask", UseAnother, CudaSource,
            (in ConstraintSubject s) => IsOnCuda(s) && s.Problem.Mask.Kind != AttentionMaskKind.None ? "a mask" : null),
        new("ATT0805", "{0} on CUDA is causal only for as many queries as keys.", "Lq = Lk", UseAnother, CudaSource,
            (in ConstraintSubject s) => IsOnCuda(s) && s.Problem.IsCausal && s.Problem.QueryLength != s.Problem.KeyLength
                ? $"causal, {Number("Lq", s.Problem.QueryLength)}, {Number("Lk", s.Problem.KeyLength)}"
                : null),
        new("ATT0806", "{0} on CUDA has no sliding window through libtorch.", "no window", UseAnother, CudaSource,
            (in ConstraintSubject s) => IsOnCuda(s) && s.Problem.HasWindow ? "a window" : null),
        new("ATT0807", "A CUDA launch has at most 65 535 blocks along an axis.", "batch x heads <= 65535", UseAnother,
            "pytorch issues 142228 and 146704",
            (in ConstraintSubject s) => ExceedsOneLaunch(s.Problem)
                ? Number("batch x heads", (double)s.Problem.Batch * s.Problem.HeadCount)
                : null)
            { Repair = "the call is split" },
        new("ATT0808", "{0} does not train every head dim on consumer GPUs (8.6 to 8.9, 12.0, 12.1).",
            "headDim <= 192, or 225 to 256 without dropout", UseAnother, CudaSource,
            (in ConstraintSubject s) => s.Problem.NeedsGradient && Capability(s) is (>= 86 and <= 89) or 120 or 121
                && (LargestDim(s.Problem) is > 192 and <= 224 || LargestDim(s.Problem) > 224 && s.Problem.Dropout > 0)
                    ? $"training, {Number("headDim", LargestDim(s.Problem))}"
                    : null),
        new("ATT0809", "{0}'s backward pass counts its workspace in 32 bits.", "B·H·Lq·max(D, 32) < 2^31, Lq rounded up to 128",
            UseAnother + "; or a smaller batch", "PriorLabs TabPFN issue 1184",
            (in ConstraintSubject s) => IsOnCuda(s) && s.Problem.NeedsGradient && BackwardElements(s.Problem) >= 1L << 31
                ? Number("elements", BackwardElements(s.Problem))
                : null),
    ];

    private static long EstimateBytes(in AttentionProblem problem, Machine machine)
    {
        long rows = (long)problem.Batch * problem.HeadCount * problem.QueryLength;
        int compute = problem.DType.ComputeSize(), dim = LargestDim(problem);
        // Per thread: a block of 256 x 512 scores (twice for 16 bits), running maximum and sum, and 256 output rows in the compute type.
        long scratch = (long)Math.Max(machine.Cpu.Cores, 1) * 256 * (512 * 2 + 2 + dim) * compute;
        long logSumExp = rows * compute;
        return OperandBytes.Fixed
            + problem.OutputBytes
            + logSumExp
            + (problem.Device.Kind == AttentionDeviceKind.Cpu ? scratch * (problem.NeedsGradient ? 2 : 1) : 0) // backward: scores and their gradients
            + OperandBytes.Gradients(problem, padsTo: problem.ValueDim != problem.HeadDim ? dim : 0)
            + (ExceedsOneLaunch(problem) ? problem.OutputBytes + logSumExp : 0) // the parts, and the whole they are joined to
            + OperandBytes.Copies(problem, padsTo: problem.ValueDim != problem.HeadDim ? dim : 0)
            + OperandBytes.Mask(problem, mergesCausal: problem.IsShiftedCausal || problem.HasWindow);
    }

    private static bool ExceedsOneLaunch(in AttentionProblem problem) =>
        problem.Device.Kind == AttentionDeviceKind.Cuda && (long)problem.Batch * problem.HeadCount > LaunchLimit;

    private static long BackwardElements(in AttentionProblem problem) =>
        (long)problem.Batch * problem.HeadCount * ((problem.QueryLength + 127) / 128 * 128) * Math.Max(problem.HeadDim, 32);

    private static int LargestDim(in AttentionProblem problem) => Math.Max(problem.HeadDim, problem.ValueDim);

    private static bool IsOnCpu(in ConstraintSubject subject) => subject.Problem.Device.Kind == AttentionDeviceKind.Cpu;

    private static bool IsOnCuda(in ConstraintSubject subject) => subject.Problem.Device.Kind == AttentionDeviceKind.Cuda;

    private static int? Capability(in ConstraintSubject subject) =>
        GpuArchitectures.TryParse(subject.Gpu?.ComputeCapability, out int capability) ? capability : null;

    private static string Number(string name, double value) => string.Create(CultureInfo.InvariantCulture, $"{name} {value}");
}
