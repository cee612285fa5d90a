using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Wording;
using static LatentSync.Attention.Rules.FusedRules;

namespace LatentSync.Attention.Rules;

/// <summary>Rules of libtorch's memory-efficient kernel (ATT03nn): CUTLASS code from xFormers, CUDA only, with masks and float32, from
/// Maxwell on. The operator checks less than libtorch's selector does, so every rule of the selector is here.</summary>
internal static class TorchEfficientRules
{
    /// <summary>The rows of a mask start at multiples of so many elements: libtorch pads to 16, the kernel needs 8.</summary>
    public const int MaskAlignment = 16;

    private const string UseAnother = Constraint.UseAnother;

    /// <summary>The backend.</summary>
    public static BackendRules Backend { get; } =
        new(
            AttentionBackendNames.TorchEfficient,
            "libtorch's memory-efficient kernel (CUTLASS), CUDA only",
            [
                .. CommonRules.All,
                CommonRules.NvidiaOnly,
                .. OfTheGpu(),
                .. OfTheOperands(),
                .. OfTheMask(),
                .. KnownDefects.OfTorchEfficient,
            ],
            EstimateBytes
        );

    /// <summary>Head dims must be multiples of this: 8 for 16 bits from Volta on, 4 for float32 from Ampere on, else 1 (16 bits on Maxwell
    /// and Pascal have no tensor cores). Unknown GPUs take the largest.</summary>
    /// <param name="dtype">Element type of the operands.</param>
    /// <param name="capability">10·major + minor; null when unknown.</param>
    /// <remarks>minimum_gemm_alignment in cuda/sdp_utils.cpp.</remarks>
    public static int Alignment(AttentionDType dtype, int? capability)
    {
        bool isHalf = dtype.Size() == 2;
        return capability switch
        {
            null or >= 80 => isHalf ? 8 : 4,
            >= 70 => isHalf ? 8 : 1,
            _ => 1,
        };
    }

    private static IEnumerable<Constraint> OfTheGpu() =>
        [
            new(
                "ATT0300",
                "{0} has kernels for CUDA only.",
                "device cuda",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda ? null : Finding.Of("device {0}", s.Problem.Device)
            )
            {
                Effort = RemedyEffort.Hardware,
            },
            new(
                "ATT0301",
                "libtorch's CUDA code must have been compiled with memory-efficient attention.",
                "a libtorch with memory-efficient attention",
                UseAnother + "; or an official build of libtorch",
                "libtorch: \"Torch was not compiled with memory efficient attention\"",
                (in ConstraintSubject s) =>
                    s.OnCuda && s.Machine.LibTorch is { HasEfficientAttention: false, Flavor: not "cpu" }
                        ? Finding.Of("libtorch {0} without memory-efficient attention", s.Machine.LibTorch.Version)
                        : null
            )
            {
                Effort = RemedyEffort.Installation,
            },
            new(
                "ATT0302",
                "{0} needs a Maxwell GPU or a newer one.",
                "compute capability 5.0 to 12.1",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda ? OutsideCapabilities(s, 50) : null
            )
            {
                Effort = RemedyEffort.Hardware,
            },
            new(
                "ATT0303",
                "{0} does not compute in float64.",
                "float32, float16 or bfloat16",
                UseAnother + "; or ⟦DType f32⟧",
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda && s.Problem.DType == AttentionDType.Float64 ? s.Problem.DType.LongName() : null
            )
            {
                Effort = RemedyEffort.Option,
            },
            new(
                "ATT0304",
                "{0} computes bfloat16 from Ampere on.",
                "compute capability 8.0 for bfloat16",
                UseAnother + "; or ⟦DType f16 or f32⟧",
                CudaSource,
                (in ConstraintSubject s) =>
                    s.Problem.DType == AttentionDType.BFloat16 && s.Capability < 80
                        ? Finding.Of("bfloat16 on {0}, compute capability {1}", s.Gpu!.Name, s.Gpu.ComputeCapability)
                        : null
            )
            {
                Effort = RemedyEffort.Option,
            },
            new(
                "ATT0319",
                "{0} is called through an operator that has its present arguments since libtorch 2.2.",
                "libtorch 2.2 or newer",
                UseAnother + "; or libtorch 2.2 or newer",
                "native_functions.yaml; the version is from memory, not verified",
                (in ConstraintSubject s) => s.OnCuda ? OlderLibTorch(s, 2, 2) : null
            )
            {
                Effort = RemedyEffort.Installation,
                IsOurs = true,
            },
            new(
                "ATT0321",
                "{0}'s backward pass adds in an order that changes from run to run.",
                "no gradient, or no wish for the same bits",
                UseAnother,
                "libtorch: _efficient_attention_backward calls alertNotDeterministic",
                (in ConstraintSubject s) =>
                    s.OnCuda && s.Problem is { NeedsDeterminism: true, NeedsGradient: true } ? Finding.Of("training, deterministic") : null
            )
            {
                IsOurs = true,
            },
        ];

    private static IEnumerable<Constraint> OfTheOperands() =>
        [
            new(
                "ATT0305",
                "{0} needs head dims of whole vectors: multiples of 8 for 16 bits from Volta on, of 4 for float32 from Ampere on.",
                "headDim and valueDim multiples of 8 or 4",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) =>
                    s.OnCuda
                    && Alignment(s.Problem.DType, s.Capability) is var alignment
                    && (s.Problem.HeadDim % alignment != 0 || s.Problem.ValueDim % alignment != 0)
                        ? Finding.Of(
                            "{0}, multiples of {1} required",
                            Pair("headDim", s.Problem.HeadDim, "valueDim", s.Problem.ValueDim),
                            alignment
                        )
                        : null
            )
            {
                Repair = "the operands are padded with zeros and the result is cut",
            },
            new(
                "ATT0306",
                "{0} does not share key heads among query heads.",
                "as many key heads as query heads",
                UseAnother,
                CudaSource + "; newer libtorch can",
                (in ConstraintSubject s) =>
                    s.OnCuda && s.Problem.IsGrouped
                        ? Finding.Of("{0} query heads, {1} key heads", s.Problem.HeadCount, s.Problem.KvHeadCount)
                        : null
            )
            {
                Repair = "keys and values are repeated to all heads",
            },
            new(
                "ATT0307",
                "{0} takes (B, H, L, D).",
                "rank 4",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda && s.Problem.Rank != 4 ? Finding.Of("rank {0}", s.Problem.Rank) : null
            )
            {
                Repair = "the operands are viewed as (B, H, L, D)",
            },
            new(
                "ATT0308",
                "{0} does not broadcast the batch.",
                "the same batch in query, key and value",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda && s.Problem.BroadcastsBatch ? Finding.Of("key or value with batch 1") : null
            )
            {
                Repair = "the operand is expanded with stride 0, without a copy",
            },
            new(
                "ATT0309",
                "{0} needs the elements of a vector side by side.",
                "stride 1 in the last dimension",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda ? OtherStride(s, ignoresOne: false) : null
            )
            {
                Repair = "the operand is copied",
            },
            new(
                "ATT0313",
                "{0} needs at least one query and one key.",
                "Lq >= 1 and Lk >= 1",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda ? NoLength(s) : null
            ),
            new(
                "ATT0316",
                "{0} has no softcap.",
                "softcap 0",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda && s.Problem.Softcap > 0 ? Finding.Number("softcap", s.Problem.Softcap) : null
            )
            {
                IsOurs = true,
            },
            new(
                "ATT0322",
                "{0} does not return the logsumexp.",
                "a result without logsumexp",
                UseAnother,
                "its runner here; libtorch's operator has one, in a layout of its own",
                (in ConstraintSubject s) => s is { OnCuda: true, Problem.NeedsLogSumExp: true } ? Finding.Of("logsumexp wanted") : null
            )
            {
                IsOurs = true,
            },
            new(
                "ATT0317",
                "A CUDA launch of {0} has at most 65 535 blocks along an axis.",
                "batch x heads <= 65535",
                UseAnother,
                "pytorch issues 142228, 146704 and 154029",
                (in ConstraintSubject s) => BeyondOneLaunch(s)
            )
            {
                Repair = "the call is split",
                IsOurs = true,
            },
            new(
                "ATT0320",
                "{0} needs at least one sequence.",
                "batch >= 1",
                UseAnother,
                "caution; not tried with an empty batch",
                (in ConstraintSubject s) => s.OnCuda && s.Problem.Batch == 0 ? Finding.Number("batch", 0) : null
            )
            {
                IsOurs = true,
            },
        ];

    private static IEnumerable<Constraint> OfTheMask() =>
        [
            new(
                "ATT0310",
                "{0} needs the elements of a mask's row side by side.",
                "stride 1 in the mask's last dimension",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda ? MaskWithOtherStride(s) : null
            )
            {
                Repair = "the mask is copied",
            },
            new(
                "ATT0311",
                "{0} adds its mask, in the query's element type.",
                "an additive mask of the query's type",
                UseAnother,
                "libtorch converts before it calls the operator: convert_boolean_attn_mask in attention.cpp",
                (in ConstraintSubject s) => s.OnCuda ? MaskOfOtherType(s) : null
            )
            {
                Repair = "the mask is converted",
                IsOurs = true,
            },
            new(
                "ATT0323",
                "{0} adds its mask in 16 bits for 16-bit queries: a wider one would be rounded, or hide keys that it only pushes back.",
                "a mask of the query's type, or a boolean one",
                UseAnother,
                "CUTLASS keeps the bias in the query's type",
                (in ConstraintSubject s) => s.OnCuda ? MaskOfMoreThanTheQuery(s) : null
            )
            {
                IsOurs = true,
            },
            new(
                "ATT0312",
                "{0} needs a whole mask (B, H, Lq, Lk) whose rows start at multiples of 16 elements.",
                "Lk a multiple of 16, no broadcast along the keys",
                UseAnother,
                "libtorch pads before it calls the operator: pad_bias in attention.cpp; xformers#1263: the kernel refuses other rows",
                (in ConstraintSubject s) =>
                    !s.OnCuda || !s.HasMask
                        ? null
                        : MaskWithoutColumns(s)
                            ?? (
                                s.Problem.KeyLength % MaskAlignment != 0
                                    ? Finding.Of("a mask, {0}", Finding.Number("Lk", s.Problem.KeyLength))
                                    : null
                            )
            )
            {
                Repair = "the mask is written into longer rows, and expanded with stride 0 where it is broadcast",
                IsOurs = true,
            },
            new(
                "ATT0314",
                "{0} takes a mask or the causal flag, not both.",
                "a mask without causal",
                UseAnother,
                "libtorch refuses both before it selects; the kernel with both was not verified",
                (in ConstraintSubject s) => s.OnCuda ? MaskWithCausal(s) : null
            )
            {
                Repair = "the diagonal is merged into the mask",
                IsOurs = true,
            },
            new(
                "ATT0315",
                "{0} has only the top-left causal diagonal and no window.",
                "causal top-left, no window",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda ? ShapedMask(s) : null
            )
            {
                Repair = "diagonal and window become an additive (Lq, Lk) mask",
                IsOurs = true,
            },
        ];

    private static long EstimateBytes(in AttentionProblem problem, Machine machine)
    {
        var subject = new ConstraintSubject(problem, machine, 0, null);
        // The runner pads to 16 bytes on every GPU, also where the kernel would take less.
        int alignment = Math.Max(Alignment(problem.DType, subject.Capability), 16 / problem.DType.Size());
        bool merges = MergesCausal(problem);
        long dim = Math.Max(RoundUp(problem.HeadDim, alignment), RoundUp(problem.ValueDim, alignment));
        bool pads = problem.HeadDim % alignment != 0 || problem.ValueDim % alignment != 0;
        Int128 rows = (Int128)problem.Batch * problem.HeadCount * problem.QueryLength;
        Int128 logSumExp = (Int128)problem.Batch * problem.HeadCount * RoundUp(problem.QueryLength, 32) * sizeof(float);
        // Values longer than a tile's registers are summed in float32 in memory.
        Int128 sums = dim > 128 && problem.DType.Size() == 2 ? rows * dim * sizeof(float) : 0;
        return OperandBytes.Saturate(
            OperandBytes.Fixed
                + problem.OutputBytes
                + logSumExp
                + sums
                + (ExceedsOneLaunch(problem) ? problem.OutputBytes + logSumExp : 0) // the parts, and the whole they are joined to
                + OperandBytes.Copies(problem, pads ? dim : 0)
                + (problem.IsGrouped ? OperandBytes.RepeatedHeads(problem, dim) : 0)
                + (subject.HasMask || merges ? problem.OutputBytes : 0) // rows that the mask hides altogether are cleared afterwards
                + OperandBytes.PaddedMask(problem, MaskAlignment, merges)
        );
    }
}
