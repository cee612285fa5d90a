using LatentSync.Attention.Failures;
using LatentSync.Attention.Wording;
using static LatentSync.Attention.Rules.FusedRules;

namespace LatentSync.Attention.Rules;

/// <summary>Kernels that run and compute wrong numbers, with the versions that do (ATT06nn). libtorch selects most of them.</summary>
internal static class KnownDefects
{
    /// <summary>Sequences beyond this overflow the memory-efficient kernel's offsets into the mask.</summary>
    public const int EfficientMaskedLength = 65_536;

    private const string UseAnother = Constraint.UseAnother;

    /// <summary>Of cuDNN's attention.</summary>
    internal static IReadOnlyList<Constraint> OfTorchCuDnn { get; } =
    [
        new(
            "ATT0601",
            "cuDNN before 9.15.1 reads beyond the query when its length is not a multiple of 128.",
            "cuDNN 9.15.1 or newer, or Lq a multiple of 128",
            UseAnother + "; or libtorch 2.10 or newer built for CUDA 13",
            "pytorch#169849",
            (in ConstraintSubject s) =>
                s.OnCuda && s.Problem.QueryLength % 128 != 0 && s.CuDnnIsOlderThan(9, 15, 1)
                    ? Finding.Of("cuDNN {0}, {1}", s.CuDnn, Finding.Number("Lq", s.Problem.QueryLength))
                    : null
        )
        {
            Effort = RemedyEffort.Installation,
            IsOurs = true,
        },
        new(
            "ATT0602",
            "cuDNN computes wrong numbers for a single query on data-centre Blackwell.",
            "Lq >= 2, or another compute capability than 10.x",
            UseAnother,
            "pytorch#193893: seen with cuDNN 9.19 and 9.20 on B200, open; other versions of cuDNN are not known to be right",
            (in ConstraintSubject s) =>
                s.Capability is >= 100 and < 110 && s.Problem.QueryLength == 1
                    ? Finding.Of("{0}, cuDNN {1}, {2}", s.Gpu!.Name, s.CuDnn, Finding.Number("Lq", 1))
                    : null
        )
        {
            IsOurs = true,
        },
        new(
            "ATT0603",
            "cuDNN 9.11 to 9.13 drops wrong weights.",
            "another cuDNN, or dropout 0",
            UseAnother,
            "libtorch: \"cuDNN version does not support droppout in SDPA (9.11 - 9.13)\"",
            (in ConstraintSubject s) =>
                s is { OnCuda: true, Problem.Dropout: > 0, CuDnn: { } version }
                && version >= new Version(9, 11)
                && version < new Version(9, 14)
                    ? Finding.Of("cuDNN {0}, {1}", version, Finding.Number("dropout", s.Problem.Dropout))
                    : null
        ),
        new(
            "ATT0606",
            "libtorch 2.5.0 chose cuDNN too early; 2.5.1 took it back.",
            "another libtorch than 2.5.0",
            UseAnother + "; or libtorch 2.5.1",
            "pytorch#138522",
            (in ConstraintSubject s) => s.OnCuda && s.LibTorch == new Version(2, 5, 0) ? Finding.Verbatim("libtorch 2.5.0") : null
        )
        {
            Effort = RemedyEffort.Installation,
            IsOurs = true,
        },
    ];

    /// <summary>Of the memory-efficient kernel.</summary>
    internal static IReadOnlyList<Constraint> OfTorchEfficient { get; } =
    [
        new(
            "ATT0604",
            "{0} reads wrong mask values beyond 65 536 tokens.",
            "Lq and Lk <= 65536, or neither mask nor causal nor window",
            UseAnother,
            "pytorch#162588 and #186075: 32-bit offsets into the mask; open in 2.10",
            (in ConstraintSubject s) =>
                s.OnCuda
                && (s.HasMask || s.Problem.IsCausal || s.Problem.HasWindow)
                && Math.Max(s.Problem.QueryLength, s.Problem.KeyLength) > EfficientMaskedLength
                    ? Pair("Lq", s.Problem.QueryLength, "Lk", s.Problem.KeyLength)
                    : null
        )
        {
            IsOurs = true,
        },
        new(
            "ATT0605",
            "{0} of older libtorch gives NaN for rows that a mask hides altogether, or with very large negative numbers.",
            "libtorch 2.5 or newer, or no mask",
            UseAnother + "; or libtorch 2.5 or newer",
            "pytorch#109517 and #110213 (2.1); in which version it ended is not verified",
            (in ConstraintSubject s) => s.OnCuda && s.HasMask ? OlderLibTorch(s, 2, 5) : null
        )
        {
            Effort = RemedyEffort.Installation,
            IsOurs = true,
        },
    ];

    /// <summary>Of the flash kernels.</summary>
    internal static IReadOnlyList<Constraint> OfTorchFlash { get; } =
    [
        new(
            "ATT0607",
            "{0} on the CPU of older libtorch gives NaN when a mask hides a row's first keys.",
            "libtorch 2.5 or newer, or no mask",
            UseAnother + "; or libtorch 2.5 or newer",
            "pytorch#127055 (2.3); in which version it ended is not verified",
            (in ConstraintSubject s) => s.OnCpu && (s.HasMask || s.Problem.HasWindow) ? OlderLibTorch(s, 2, 5) : null
        )
        {
            Effort = RemedyEffort.Installation,
            IsOurs = true,
        },
    ];
}
