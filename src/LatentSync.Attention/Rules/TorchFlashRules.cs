using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Wording;
using static LatentSync.Attention.Rules.FusedRules;

namespace LatentSync.Attention.Rules;

/// <summary>Rules of libtorch's fused kernels: the tiled kernel on the CPU and what both have in common (ATT02nn), FlashAttention-2 on
/// CUDA (ATT08nn, in <c>TorchFlashRules.Cuda.cs</c>).</summary>
internal static partial class TorchFlashRules
{
    /// <summary>Blocks a CUDA launch can have along one axis.</summary>
    public const int LaunchLimit = FusedRules.LaunchLimit;

    private const string CpuSource = "libtorch 2.10, sdp_utils_cpp.cpp; compared with _fused_sdp_choice in the tests";
    private const string UseAnother = Constraint.UseAnother;

    /// <summary>The backend.</summary>
    public static BackendRules Backend { get; } =
        new(
            AttentionBackendNames.TorchFlash,
            "libtorch's fused kernel: FlashAttention-2 on CUDA, its tiled kernel on the CPU",
            [
                .. CommonRules.All,
                CommonRules.NvidiaOnly,
                .. CommonToBoth(),
                .. OnTheCpu(),
                .. OnCudaDevices(),
                .. KnownDefects.OfTorchFlash,
            ],
            EstimateBytes
        );

    /// <summary>On the CPU the diagonal and the window become part of the mask where the kernel has no flag for them, and where the rows
    /// without a key must be known for their logsumexp.</summary>
    /// <param name="problem">The problem.</param>
    public static bool MergesCausal(in AttentionProblem problem) =>
        problem.Device.Kind == AttentionDeviceKind.Cpu
        && (
            problem.IsShiftedCausal
            || problem.HasWindow
            || problem is { NeedsLogSumExp: true, IsCausal: true, Mask.Kind: not AttentionMaskKind.None }
        );

    private static IEnumerable<Constraint> CommonToBoth() =>
        [
            new(
                "ATT0200",
                "{0} has kernels for the CPU and for CUDA.",
                "device cpu or cuda",
                UseAnother,
                "libtorch 2.10, attention.cpp: other devices, MPS too, have the standard path only",
                (in ConstraintSubject s) => s.OnCpu || s.OnCuda ? null : Finding.Of("device {0}", s.Problem.Device)
            ),
            new(
                "ATT0201",
                "{0} takes (B, H, L, D).",
                "rank 4",
                UseAnother,
                CpuSource,
                (in ConstraintSubject s) => s.Problem.Rank != 4 ? Finding.Of("rank {0}", s.Problem.Rank) : null
            )
            {
                Repair = "the operands are viewed as (B, H, L, D)",
            },
            new(
                "ATT0203",
                "{0} needs values as long as keys.",
                "valueDim = headDim",
                UseAnother,
                CpuSource,
                (in ConstraintSubject s) =>
                    s.Problem.ValueDim != s.Problem.HeadDim ? Pair("headDim", s.Problem.HeadDim, "valueDim", s.Problem.ValueDim) : null
            )
            {
                Repair = "the shorter operands are padded with zeros and the result is cut",
            },
            new(
                "ATT0204",
                "{0} needs at least one query and one key.",
                "Lq >= 1 and Lk >= 1",
                UseAnother,
                CpuSource + "; the kernel itself crashes the process",
                (in ConstraintSubject s) => NoLength(s)
            ),
            new(
                "ATT0205",
                "{0} does not broadcast the batch.",
                "the same batch in query, key and value",
                UseAnother,
                CpuSource + "; the kernel itself reads beyond the operand",
                (in ConstraintSubject s) => s.Problem.BroadcastsBatch ? Finding.Of("key or value with batch 1") : null
            )
            {
                Repair = "the operand is expanded with stride 0, without a copy",
            },
            new(
                "ATT0208",
                "{0} needs the elements of a vector side by side.",
                "stride 1 in the last dimension",
                UseAnother,
                CpuSource + "; the kernel itself reads wrong elements",
                (in ConstraintSubject s) => OtherStride(s, ignoresOne: s.OnCuda)
            )
            {
                Repair = "the operand is copied",
            },
            new(
                "ATT0211",
                "{0} has no softcap.",
                "softcap 0",
                UseAnother,
                CpuSource,
                (in ConstraintSubject s) => s.Problem.Softcap > 0 ? Finding.Number("softcap", s.Problem.Softcap) : null
            )
            {
                IsOurs = true,
            },
            new(
                "ATT0213",
                "{0} needs at least one sequence.",
                "batch >= 1",
                UseAnother,
                "caution; the kernels were not tried with an empty batch",
                (in ConstraintSubject s) => s.Problem.Batch == 0 ? Finding.Number("batch", 0) : null
            )
            {
                IsOurs = true,
            },
        ];

    private static IEnumerable<Constraint> OnTheCpu() =>
        [
            new(
                "ATT0202",
                "{0} has no dropout on the CPU.",
                "dropout 0",
                UseAnother,
                CpuSource,
                (in ConstraintSubject s) => s.OnCpu && s.Problem.Dropout > 0 ? Finding.Number("dropout", s.Problem.Dropout) : null
            ),
            new(
                "ATT0206",
                "{0} takes masks of rank 2 or 4.",
                "a mask (Lq, Lk) or (B, H, Lq, Lk)",
                UseAnother,
                CpuSource,
                (in ConstraintSubject s) =>
                    s.OnCpu && s.Problem.Mask is { Kind: not AttentionMaskKind.None, Rank: not (2 or 4) and var rank }
                        ? Finding.Of("a mask of rank {0}", rank)
                        : null
            )
            {
                Repair = "the mask is viewed as (B, H, Lq, Lk)",
            },
            new(
                "ATT0207",
                "{0} has no gradient for the mask.",
                "a mask without gradient",
                UseAnother,
                CpuSource,
                (in ConstraintSubject s) => s.OnCpu && s.Problem.Mask.NeedsGradient ? Finding.Of("a mask that needs a gradient") : null
            ),
            new(
                "ATT0209",
                "{0} has only the top-left causal diagonal on the CPU.",
                "causal top-left, or Lq = Lk",
                UseAnother,
                CpuSource,
                (in ConstraintSubject s) => s.OnCpu && s.Problem.IsShiftedCausal ? Finding.Of("causal bottom-right") : null
            )
            {
                Repair = "the diagonal becomes an additive (Lq, Lk) mask",
                IsOurs = true,
            },
            new(
                "ATT0210",
                "{0} has no sliding window on the CPU.",
                "no window",
                UseAnother,
                CpuSource,
                (in ConstraintSubject s) => s.OnCpu && s.Problem.HasWindow ? Finding.Of("a window") : null
            )
            {
                Repair = "the window becomes an additive (Lq, Lk) mask",
                IsOurs = true,
            },
            new(
                "ATT0212",
                "An additive mask must have the query's element type (float32 will do for 16-bit queries).",
                "a mask of the query's type",
                UseAnother,
                "found by running libtorch 2.10: for float64 operands it takes a float32 mask and computes wrong numbers",
                (in ConstraintSubject s) =>
                    s.OnCpu
                    && s.Problem.Mask.Kind == AttentionMaskKind.Additive
                    && s.Problem.Mask.DType != s.Problem.DType
                    && !(s.Problem.Mask.DType == AttentionDType.Float32 && s.Problem.DType.Size() == 2)
                        ? Finding.Of("{0} with a {1} mask", s.Problem.DType.LongName(), s.Problem.Mask.DType.LongName())
                        : null
            )
            {
                Repair = "the mask is converted",
                IsOurs = true,
            },
            new(
                "ATT0214",
                "{0} on the CPU has had its operator since libtorch 2.2.",
                "libtorch 2.2 or newer",
                UseAnother,
                "pytorch#103826; the version is from memory, not verified",
                (in ConstraintSubject s) => s.OnCpu ? OlderLibTorch(s, 2, 2) : null
            )
            {
                Effort = RemedyEffort.Installation,
            },
            new(
                "ATT0215",
                "{0} on the CPU takes masks and float16 since libtorch 2.4.",
                "libtorch 2.4 or newer",
                UseAnother,
                "from memory, not verified",
                (in ConstraintSubject s) =>
                    s.OnCpu && (s.HasMask || s.Problem.DType == AttentionDType.Float16) ? OlderLibTorch(s, 2, 4) : null
            )
            {
                Effort = RemedyEffort.Installation,
            },
            new(
                "ATT0216",
                "{0} on the CPU shares key heads among query heads since libtorch 2.5.",
                "libtorch 2.5 or newer",
                UseAnother,
                "enable_gqa came with 2.5; from memory, not verified",
                (in ConstraintSubject s) => s.OnCpu && s.Problem.IsGrouped ? OlderLibTorch(s, 2, 5) : null
            )
            {
                Effort = RemedyEffort.Installation,
            },
            new(
                "ATT0217",
                "{0} on the CPU differentiates by the logsumexp, which cannot hold a row's sum beside a large bias.",
                "no additive mask in training",
                UseAnother,
                "found by running libtorch 2.10: with a float mask of -1e12 the gradients are as many times too large as there are keys",
                (in ConstraintSubject s) =>
                    s is { OnCpu: true, Problem: { NeedsGradient: true, Mask.Kind: AttentionMaskKind.Additive } }
                        ? Finding.Of("additive mask")
                        : null
            )
            {
                IsOurs = true,
            },
        ];

    private static long EstimateBytes(in AttentionProblem problem, Machine machine)
    {
        Int128 rows = (Int128)problem.Batch * problem.HeadCount * problem.QueryLength;
        bool isCuda = problem.Device.Kind == AttentionDeviceKind.Cuda;
        int compute = problem.DType.ComputeSize(),
            dim = Math.Max(problem.HeadDim, problem.ValueDim);
        long padded = isCuda ? RoundUp(dim, 8) : dim;
        // Per thread: a block of 256 x 512 scores (twice for 16 bits), running maximum and sum, and 256 output rows in the compute type.
        Int128 scratch = isCuda ? 0 : (Int128)Math.Max(machine.Cpu.Cores, 1) * 256 * (512 * 2 + 2 + (long)dim) * compute;
        Int128 logSumExp = rows * compute;
        return OperandBytes.Saturate(
            OperandBytes.Fixed
                + problem.OutputBytes
                + logSumExp
                + (problem.NeedsGradient ? 2 : 1) * scratch // backward: scores and their gradients
                + (problem.EffectiveScale <= 0 ? rows * problem.HeadDim * problem.DType.Size() : 0) // the negated query
                + OperandBytes.Gradients(problem, padsTo: problem.ValueDim != problem.HeadDim ? dim : 0)
                + (ExceedsOneLaunch(problem) ? problem.OutputBytes + logSumExp : 0) // the parts, and the whole they are joined to
                + OperandBytes.Copies(problem, padsTo: problem.ValueDim != problem.HeadDim || padded != dim ? padded : 0)
                + OperandBytes.Mask(problem, MergesCausal(problem))
        );
    }
}
