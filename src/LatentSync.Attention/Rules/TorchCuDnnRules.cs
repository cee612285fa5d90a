using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Wording;
using static LatentSync.Attention.Rules.FusedRules;

namespace LatentSync.Attention.Rules;

/// <summary>Rules of cuDNN's attention through libtorch (ATT05nn). The operator checks less than libtorch's selector does, so every rule of
/// the selector is here; versions of cuDNN that compute wrong numbers are in <see cref="KnownDefects"/>.</summary>
internal static class TorchCuDnnRules
{
    private const string UseAnother = Constraint.UseAnother;

    /// <summary>The backend.</summary>
    public static BackendRules Backend { get; } =
        new(
            AttentionBackendNames.TorchCuDnn,
            "cuDNN's attention through libtorch, CUDA only",
            [.. CommonRules.All, CommonRules.NvidiaOnly, .. OfTheGpu(), .. OfTheOperands(), .. OfTheMask(), .. KnownDefects.OfTorchCuDnn],
            EstimateBytes
        );

    /// <summary>Whether libtorch itself tries cuDNN before its own kernels: from 2.10 on with cuDNN newer than 9.15.0 on compute capability
    /// 9.0,
    /// 10.0 or 10.3.</summary>
    /// <remarks>check_prefer_cudnn_attention with pytorch#171895. In 2.9 cuDNN's headers 9.9 sufficed, on 9.0 and 10.0; older ones rank it
    /// last.</remarks>
    internal static bool IsPreferred(in ConstraintSubject subject) =>
        subject.Capability is 90 or 100 or 103
        && subject.CuDnn is { } version
        && version > new Version(9, 15, 0)
        && !subject.LibTorchIsOlderThan(2, 10);

    private static IEnumerable<Constraint> OfTheGpu() =>
        [
            new(
                "ATT0500",
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
                "ATT0501",
                "{0} needs cuDNN 9.",
                "cuDNN 9.0 or newer",
                UseAnother + "; or a libtorch with cuDNN 9",
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda && s.CuDnnIsOlderThan(9, 0) ? Finding.Verbatim($"cuDNN {s.CuDnn}") : null
            )
            {
                Effort = RemedyEffort.Installation,
            },
            new(
                "ATT0502",
                "{0} runs only with a cuDNN whose version is known, since several compute wrong numbers.",
                "a known version of cuDNN",
                UseAnother + "; or give the machine's facts with ⟦MachineFile FILE⟧",
                "the defects ATT06nn",
                (in ConstraintSubject s) => s.OnCuda && s.CuDnn is null ? Finding.Of("a cuDNN of unknown version") : null
            )
            {
                Effort = RemedyEffort.Option,
                IsOurs = true,
            },
            new(
                "ATT0503",
                "libtorch calls cuDNN's attention since 2.5.",
                "libtorch 2.5 or newer",
                UseAnother + "; or libtorch 2.5 or newer",
                "pytorch release notes 2.5",
                (in ConstraintSubject s) => s.OnCuda ? OlderLibTorch(s, 2, 5) : null
            )
            {
                Effort = RemedyEffort.Installation,
            },
            new(
                "ATT0504",
                "{0} needs an Ampere GPU or a newer one.",
                "compute capability 8.0 to 12.1",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda ? OutsideCapabilities(s, 80) : null
            )
            {
                Effort = RemedyEffort.Hardware,
            },
            new(
                "ATT0505",
                "{0} computes in 16 bits only.",
                "float16 or bfloat16",
                UseAnother + "; or ⟦DType f16⟧",
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda && s.Problem.DType.Size() != 2 ? s.Problem.DType.LongName() : null
            )
            {
                Effort = RemedyEffort.Option,
            },
            new(
                "ATT0521",
                "{0} gives other bits from run to run.",
                "no wish for the same bits",
                UseAnother,
                "libtorch: \"cuDNN SDPA is not deterministic\"",
                (in ConstraintSubject s) => s is { OnCuda: true, Problem.NeedsDeterminism: true } ? Finding.Of("deterministic") : null
            ),
        ];

    private static IEnumerable<Constraint> OfTheOperands() =>
        [
            new(
                "ATT0506",
                "{0} handles head dims up to 128 (up to 256 on compute capability 9.0 with cuDNN 9.10; 192 with values of 128 on "
                    + "10.x with cuDNN 9.11 and libtorch 2.11).",
                "headDim and valueDim <= 128",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) =>
                    s.OnCuda && DimLimit(s) is var limit && s.LargestDim > limit
                        ? Finding.Of(
                            "{0}; here up to {1}",
                            Finding.Number(s.Problem.HeadDim > limit ? "headDim" : "valueDim", s.LargestDim),
                            limit
                        )
                        : null
            ),
            new(
                "ATT0507",
                "{0} needs head dims of whole vectors.",
                "headDim and valueDim multiples of 8",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) =>
                    s.OnCuda && (s.Problem.HeadDim % 8 != 0 || s.Problem.ValueDim % 8 != 0)
                        ? Pair("headDim", s.Problem.HeadDim, "valueDim", s.Problem.ValueDim)
                        : null
            )
            {
                Repair = "the operands are padded with zeros and the result is cut",
            },
            new(
                "ATT0508",
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
                "ATT0509",
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
                "ATT0510",
                "{0} needs the elements of a vector side by side.",
                "stride 1 in the last dimension",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda ? OtherStride(s, ignoresOne: true) : null
            )
            {
                Repair = "the operand is copied",
            },
            new(
                "ATT0514",
                "{0} needs at least one query and one key.",
                "Lq >= 1 and Lk >= 1",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda ? NoLength(s) : null
            ),
            new(
                "ATT0515",
                "{0} needs more than one key.",
                "Lk >= 2",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda && s.Problem.KeyLength == 1 ? Finding.Number("Lk", 1) : null
            ),
            new(
                "ATT0516",
                "{0} has no dropout for a single query.",
                "Lq >= 2 with dropout",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) =>
                    s.OnCuda && s.Problem is { QueryLength: 1, Dropout: > 0 } ? Pair("Lq", 1, "dropout", s.Problem.Dropout) : null
            ),
            new(
                "ATT0519",
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
                "ATT0525",
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
                "ATT0520",
                "A launch of {0} has at most 65 535 sequences x heads.",
                "batch x heads <= 65535",
                UseAnother,
                "libtorch after 2.10 refuses a batch or heads beyond 65 535 for cuDNN",
                (in ConstraintSubject s) => BeyondOneLaunch(s)
            )
            {
                Repair = "the call is split",
                IsOurs = true,
            },
            new(
                "ATT0522",
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
                "ATT0511",
                "{0} takes masks of rank 2 or 4.",
                "a mask (Lq, Lk) or (B, H, Lq, Lk)",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) =>
                    s.OnCuda && s.Problem.Mask is { Kind: not AttentionMaskKind.None, Rank: not (2 or 4) and var rank }
                        ? Finding.Of("a mask of rank {0}", rank)
                        : null
            )
            {
                Repair = "the mask is viewed as (B, H, Lq, Lk)",
            },
            new(
                "ATT0512",
                "{0} has no gradient for the mask.",
                "a mask without gradient",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda && s.Problem.Mask.NeedsGradient ? Finding.Of("a mask that needs a gradient") : null
            ),
            new(
                "ATT0513",
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
                "ATT0523",
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
                "ATT0526",
                "{0} adds its mask in the query's 16 bits: a wider one would be rounded, or hide keys that it only pushes back.",
                "a mask of the query's type, or a boolean one",
                UseAnother,
                "cuDNN's bias has the query's type",
                (in ConstraintSubject s) => s.OnCuda ? MaskOfMoreThanTheQuery(s) : null
            )
            {
                IsOurs = true,
            },
            new(
                "ATT0524",
                "{0} needs a mask with a column for every key.",
                "no broadcast along the keys",
                UseAnother,
                "libtorch expands before it calls the operator",
                (in ConstraintSubject s) => s.OnCuda ? MaskWithoutColumns(s) : null
            )
            {
                Repair = "the mask's columns are written out",
                IsOurs = true,
            },
            new(
                "ATT0517",
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
                "ATT0518",
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

    private static int DimLimit(in ConstraintSubject subject) =>
        subject.Capability switch
        {
            90 when !subject.CuDnnIsOlderThan(9, 10) && subject.CuDnn is not null => 256,
            >= 100
            and < 110
                when subject.Problem is { HeadDim: 192, ValueDim: 128 }
                    && subject.CuDnn is not null
                    && !subject.CuDnnIsOlderThan(9, 11)
                    && !subject.LibTorchIsOlderThan(2, 11) => 192,
            _ => 128,
        };

    private static long EstimateBytes(in AttentionProblem problem, Machine machine)
    {
        long dim = Math.Max(RoundUp(problem.HeadDim, 8), RoundUp(problem.ValueDim, 8));
        bool pads = problem.HeadDim % 8 != 0 || problem.ValueDim % 8 != 0;
        Int128 logSumExp = (Int128)problem.Batch * problem.HeadCount * problem.QueryLength * sizeof(float);
        bool merges = MergesCausal(problem);
        return OperandBytes.Saturate(
            OperandBytes.Fixed
                + WorkspaceBytes
                + problem.OutputBytes
                + logSumExp
                + (ExceedsOneLaunch(problem) ? problem.OutputBytes + logSumExp : 0) // the parts, and the whole they are joined to
                + OperandBytes.Copies(problem, pads ? dim : 0)
                + (merges || problem.Mask.Kind != AttentionMaskKind.None ? problem.OutputBytes : 0) // rows hidden altogether are cleared afterwards
                + OperandBytes.PaddedMask(problem, TorchEfficientRules.MaskAlignment, merges)
        );
    }

    /// <summary>What a plan of cuDNN may take beside. Assumed, not measured: forward plans seen in reports take a few MiB.</summary>
    private const long WorkspaceBytes = 64L << 20;
}
