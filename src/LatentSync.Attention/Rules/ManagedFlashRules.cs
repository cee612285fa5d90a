using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Wording;

namespace LatentSync.Attention.Rules;

/// <summary>Rules of our own FlashAttention-2 (ATT07nn): what libtorch keeps in main memory it computes, whatever the head dims, strides,
/// masks, windows and lengths.</summary>
internal static class ManagedFlashRules
{
    // Sizes of the workspaces that the kernels take; see FlashTuning, FlashForward, FlashBackward, FlashDecode.

    /// <summary>Bytes of a row of a block, one number per lane: 64 floats or 32 doubles in 512 bits and in NEON's 4 x 128, less
    /// elsewhere.</summary>
    private const int LaneBytes = 256;

    /// <summary>Bytes of the rows of small problems that are staged together, unless those of one head alone take more: operands and
    /// results.</summary>
    private const int StagedBytes = 2 * FlashTuning.LargeStageBytes;

    /// <summary>A block's numbers per lane: maximum, sum, and five whole numbers; with room for the alignment of its parts.</summary>
    private const int BlockNumbersBytes = 4 << 10;

    /// <summary>Addresses of rows to prefetch, one per query and per key of a block: twice as many forward, four times as many
    /// backward.</summary>
    private const int PrefetchBytes = (LaneBytes / sizeof(float) + FlashTuning.LargestKeyBlock) * sizeof(long);

    /// <summary>Keys of a backward task that does not have all of a head.</summary>
    private const int TaskKeys = FlashTuning.KeyBlocksPerTask * FlashTuning.LargestKeyBlock;

    /// <summary>The backend.</summary>
    public static BackendRules Backend { get; } =
        new(
            AttentionBackendNames.ManagedFlash,
            "FlashAttention-2 in C#: forward and backward on the CPU in its widest vectors, without native code",
            [.. CommonRules.All, .. Rules()],
            EstimateBytes
        );

    private static IEnumerable<Constraint> Rules() =>
        [
            new(
                "ATT0700",
                "{0} computes on the CPU.",
                "device cpu",
                Constraint.UseAnother,
                "its kernels read main memory",
                (in ConstraintSubject s) => s.OnCpu ? null : Finding.Of("device {0}", s.Problem.Device)
            )
            {
                IsOurs = true,
            },
            new(
                "ATT0701",
                "{0} has no gradient for the mask.",
                "a mask without gradient",
                Constraint.UseAnother,
                "its backward pass does not keep the scores' gradients",
                (in ConstraintSubject s) => s.Problem.Mask.NeedsGradient ? Finding.Of("a mask that needs a gradient") : null
            )
            {
                IsOurs = true,
            },
        ];

    private static long EstimateBytes(in AttentionProblem problem, Machine machine)
    {
        int compute = problem.DType.ComputeSize();
        Int128 queryRows = (Int128)problem.Batch * problem.HeadCount * problem.QueryLength;
        int threads = Math.Max(machine.Cpu.Cores, 1);
        bool keepsLogSumExp = problem.NeedsGradient || problem.NeedsLogSumExp;
        long workspace = Math.Max(ForwardBytes(problem), problem.NeedsGradient ? BackwardBytes(problem) : 0);
        return OperandBytes.Saturate(
            OperandBytes.Fixed
                + problem.OutputBytes
                + (keepsLogSumExp ? queryRows * compute : 0)
                + OperandBytes.Gradients(problem, padsTo: 0)
                + DecodeBytes(problem)
                + (Int128)workspace * threads
        );
    }

    /// <summary>A thread's workspace in the forward pass; of the lengths, only what is in a block counts.</summary>
    private static long ForwardBytes(in AttentionProblem problem)
    {
        long dims = (long)problem.HeadDim + problem.ValueDim;
        long blocks = Math.Max(FlashTuning.LargeTaskBytes, LaneBytes * dims) + FlashTuning.MostBlocks * BlockNumbersBytes;
        return ScoreBytes(problem, matrices: 1)
            + KeyBytes(problem)
            + LaneBytes * (dims + problem.ValueDim)
            + StagedBytes
            + 2 * PrefetchBytes
            + blocks;
    }

    /// <summary>A thread's workspace in the backward pass: the queries, their gradients and the result's in lanes and in rows, and the sums
    /// of the gradients of a task's keys and values: all of a head where these are few, else of two blocks.</summary>
    private static long BackwardBytes(in AttentionProblem problem)
    {
        int compute = problem.DType.ComputeSize();
        long dims = (long)problem.HeadDim + problem.ValueDim;
        long padded = RowBytes(problem.HeadDim, compute) + RowBytes(problem.ValueDim, compute);
        long keys = dims * problem.KeyLength <= FlashTuning.GradientBytes / compute ? Math.Max(problem.KeyLength, TaskKeys) : TaskKeys;
        long staged = Math.Max(StagedBytes, 2 * dims * compute * (LaneBytes / compute + FlashTuning.LargestKeyBlock));
        return ScoreBytes(problem, matrices: problem.Softcap > 0 ? 3 : 2)
            + KeyBytes(problem)
            + 3 * (LaneBytes / compute) * padded
            + keys * padded
            + staged
            + 2 * BlockNumbersBytes
            + 4 * PrefetchBytes
            + padded;
    }

    /// <summary>A few queries against many keys: what the tasks found of their parts of the keys, to be joined.</summary>
    private static Int128 DecodeBytes(in AttentionProblem problem)
    {
        int compute = problem.DType.ComputeSize();
        long rows = (long)problem.QueryLength * (problem.HeadCount / problem.KvHeadCount);
        return rows > FlashTuning.MostDecodeRows
            ? 0
            : ((Int128)problem.Batch * problem.KvHeadCount + FlashTuning.DecodeTasks)
                * rows
                * (2 * compute + RowBytes(problem.ValueDim, compute));
    }

    /// <summary>Matrices of scores of a block, beside them factors of dropped weights, and a mask's numbers and rows.</summary>
    private static long ScoreBytes(in AttentionProblem problem, int matrices) =>
        (long)FlashTuning.LargestKeyBlock
        * LaneBytes
        * (matrices + (problem.Dropout > 0 ? 1 : 0) + (problem.Mask.Kind == AttentionMaskKind.None ? 0 : 2));

    /// <summary>A block's keys and values, in the compute type and side by side.</summary>
    private static long KeyBytes(in AttentionProblem problem) =>
        FlashTuning.LargestKeyBlock * (((long)problem.HeadDim + problem.ValueDim) * problem.DType.ComputeSize() + Prefetching.Line);

    /// <summary>A row of whole vectors, at most 64 bytes each.</summary>
    private static long RowBytes(int dim, int compute) => FusedRules.RoundUp(dim, 64 / compute) * compute;
}
