using LatentSync.Attention.Kernels;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Wording;

namespace LatentSync.Attention.Constraints;

/// <summary>Rules of our own FlashAttention-2 (ATT07nn): what libtorch keeps in main memory it computes, whatever the head dims, strides,
/// masks, windows and lengths.</summary>
internal static class ManagedFlashRules
{
    /// <summary>Bytes of a row of a block, one number per lane: 64 floats or 32 doubles in 512 bits and in NEON's 4 x 128, less
    /// elsewhere.</summary>
    private const int LaneBytes = 256;

    /// <summary>Most blocks of queries that a task holds, and the bytes that they may take together unless one alone takes
    /// more.</summary>
    private const int MostBlocks = 8, BlocksBytes = 256 << 10;

    /// <summary>Bytes of the rows of small problems that are staged together, unless those of one head alone take more: operands and
    /// results.</summary>
    private const int StagedBytes = 2 * (32 << 10);

    /// <summary>A block's numbers per lane: maximum, sum, and five whole numbers; with room for the alignment of its parts.</summary>
    private const int BlockNumbersBytes = 4 << 10;

    /// <summary>The backend.</summary>
    public static BackendRules Backend { get; } = new(
        AttentionBackendNames.ManagedFlash,
        "FlashAttention-2 in C#: forward and backward on the CPU in its widest vectors, without native code",
        [.. CommonRules.All, .. Rules()],
        EstimateBytes);

    private static IEnumerable<Constraint> Rules() =>
    [
        new("ATT0700", "{0} computes on the CPU.", "device cpu", Constraint.UseAnother, "its kernels read main memory",
            (in ConstraintSubject s) => s.OnCpu ? null : Finding.Of("device {0}", s.Problem.Device))
            { IsOurs = true },
        new("ATT0701", "{0} has no gradient for the mask.", "a mask without gradient", Constraint.UseAnother,
            "its backward pass does not keep the scores' gradients",
            (in ConstraintSubject s) => s.Problem.Mask.NeedsGradient ? Finding.Of("a mask that needs a gradient") : null)
            { IsOurs = true },
    ];

    private static long EstimateBytes(in AttentionProblem problem, Machine machine)
    {
        int compute = problem.DType.ComputeSize();
        Int128 queryRows = (Int128)problem.Batch * problem.HeadCount * problem.QueryLength;
        Int128 keyRows = (Int128)problem.Batch * problem.KvHeadCount * problem.KeyLength;
        long dims = (long)problem.HeadDim + problem.ValueDim;
        int threads = Math.Max(machine.Cpu.Cores, 1);
        bool trains = problem.NeedsGradient;
        // Backward: the logsumexp is kept and each row's product of result and gradient made; the gradients are summed in the compute
        // type, and its blocks hold the operands, their gradients and two more matrices of scores.
        Int128 rowNumbers = queryRows * compute * (trains ? 2 : problem.NeedsLogSumExp ? 1 : 0);
        Int128 sums = trains ? (queryRows * problem.HeadDim + keyRows * dims) * compute : 0;
        return OperandBytes.Saturate(OperandBytes.Fixed
            + problem.OutputBytes
            + rowNumbers
            + sums
            + OperandBytes.Gradients(problem, padsTo: 0)
            + WorkspaceBytes(problem) * threads * (trains ? 3 : 1));
    }

    /// <summary>A thread's workspace, as <see cref="FlashForward{TLanes, TVector, T}"/> takes it; depends on the lengths only up to a
    /// block.</summary>
    private static Int128 WorkspaceBytes(in AttentionProblem problem)
    {
        long dims = (long)problem.HeadDim + problem.ValueDim;
        int compute = problem.DType.ComputeSize();
        long scores = FlashPlan.LargestKeyBlock * LaneBytes * (problem.Mask.Kind == AttentionMaskKind.None ? 1 : 3); // beside a mask's: its numbers, its rows
        long keys = FlashPlan.LargestKeyBlock * dims * compute;
        long rows = LaneBytes * dims; // queries and results as rows
        long blocks = Math.Max(BlocksBytes, LaneBytes * dims) + MostBlocks * BlockNumbersBytes;
        return (Int128)scores + keys + rows + StagedBytes + blocks + problem.ValueDim * compute;
    }
}
