using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Wording;
using static LatentSync.Attention.Rules.FusedRules;

namespace LatentSync.Attention.Rules;

/// <summary>FlashAttention-2 on CUDA (ATT08nn). The operator checks less than libtorch's selector does, so every rule of the selector is
/// here.</summary>
internal static partial class TorchFlashRules
{
    private static IEnumerable<Constraint> OnCudaDevices() =>
        [
            new(
                "ATT0801",
                "{0} on CUDA handles head dims up to 256.",
                "headDim <= 256 and valueDim <= 256",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) =>
                    s.OnCuda && s.LargestDim > 256 ? Finding.Number(s.Problem.HeadDim > 256 ? "headDim" : "valueDim", s.LargestDim) : null
            ),
            new(
                "ATT0802",
                "{0} on CUDA computes in 16 bits only.",
                "float16 or bfloat16",
                UseAnother + "; or ⟦DType f16⟧",
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda && s.Problem.DType.Size() != 2 ? s.Problem.DType.LongName() : null
            )
            {
                Effort = RemedyEffort.Option,
            },
            new(
                "ATT0803",
                "{0} on CUDA needs an Ampere GPU or a newer one.",
                "compute capability 8.0 to 12.1",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda ? OutsideCapabilities(s, 80) : null
            )
            {
                Effort = RemedyEffort.Hardware,
            },
            new(
                "ATT0804",
                "{0} on CUDA takes no mask.",
                "no mask",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda && s.HasMask ? Finding.Of("a mask") : null
            ),
            new(
                "ATT0805",
                "{0} on CUDA is causal only for as many queries as keys.",
                "Lq = Lk",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) =>
                    s.OnCuda && s.Problem.IsCausal && s.Problem.QueryLength != s.Problem.KeyLength
                        ? Finding.Of("causal, {0}", Pair("Lq", s.Problem.QueryLength, "Lk", s.Problem.KeyLength))
                        : null
            ),
            new(
                "ATT0806",
                "{0} on CUDA has no sliding window through libtorch.",
                "no window",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) => s.OnCuda && s.Problem.HasWindow ? Finding.Of("a window") : null
            )
            {
                IsOurs = true,
            },
            new(
                "ATT0807",
                "A CUDA launch has at most 65 535 blocks along an axis.",
                "batch x heads <= 65535",
                UseAnother,
                "pytorch issues 142228 and 146704",
                (in ConstraintSubject s) => BeyondOneLaunch(s)
            )
            {
                Repair = "the call is split",
                IsOurs = true,
            },
            new(
                "ATT0808",
                "{0} does not train every head dim on consumer GPUs (8.6 to 8.9, 12.0, 12.1).",
                "headDim <= 192, or 225 to 256 without dropout",
                UseAnother,
                CudaSource,
                (in ConstraintSubject s) =>
                    s.Problem.NeedsGradient
                    && s.Capability is (>= 86 and <= 89) or 120 or 121
                    && (s.LargestDim is > 192 and <= 224 || s.LargestDim > 224 && s.Problem.Dropout > 0)
                        ? Finding.Of("training, {0}", Finding.Number("headDim", s.LargestDim))
                        : null
            ),
            new(
                "ATT0809",
                "{0}'s backward pass counts its workspace in 32 bits.",
                "B·H·Lq·D < 2^31, Lq rounded up to 128 and D to 32",
                UseAnother + "; or a smaller batch",
                "PriorLabs TabPFN issue 1184",
                (in ConstraintSubject s) =>
                    s.OnCuda && s.Problem.NeedsGradient && BackwardElements(s.Problem) >= 1L << 31
                        ? Finding.Of("elements {0}", BackwardElements(s.Problem))
                        : null
            )
            {
                IsOurs = true,
            },
            new(
                "ATT0810",
                "libtorch's CUDA code must have been compiled with FlashAttention.",
                "a libtorch with FlashAttention",
                UseAnother + "; or a libtorch with FlashAttention (builds for Linux have it)",
                "libtorch: \"Torch was not compiled with flash attention\"; Windows builds from 2.2 on lack it: pytorch#108175, "
                    + "dotnet/TorchSharp#1375 (2.8 and newer: unknown, the self-test finds out)",
                (in ConstraintSubject s) =>
                    s.OnCuda && s.Machine.LibTorch?.Flavor != "cpu" && LibTorchCatalog.HasFlashAttention(s.Machine) == false
                        ? Finding.Of("libtorch {0} for {1} without FlashAttention", s.Machine.LibTorch!.Version, s.Machine.OsFamily)
                        : null
            )
            {
                Effort = RemedyEffort.Installation,
            },
            new(
                "ATT0811",
                "{0} on CUDA is FlashAttention-2, which libtorch has since 2.2.",
                "libtorch 2.2 or newer",
                UseAnother + "; or libtorch 2.2 or newer",
                "pytorch#105602; before it FlashAttention-1, whose operator takes other arguments",
                (in ConstraintSubject s) => s.OnCuda ? OlderLibTorch(s, 2, 2) : null
            )
            {
                Effort = RemedyEffort.Installation,
            },
            new(
                "ATT0812",
                "{0}'s backward pass adds in an order that changes from run to run.",
                "no gradient, or no wish for the same bits",
                UseAnother,
                "FlashAttention-2 backward, atomic additions to dQ",
                (in ConstraintSubject s) =>
                    s.OnCuda && s.Problem is { NeedsDeterminism: true, NeedsGradient: true } ? Finding.Of("training, deterministic") : null
            )
            {
                IsOurs = true,
            },
        ];

    /// <summary>Elements of the backward pass's float32 workspace for dQ.</summary>
    private static Int128 BackwardElements(in AttentionProblem problem) =>
        (Int128)problem.Batch
        * problem.HeadCount
        * RoundUp(problem.QueryLength, 128)
        * RoundUp(Math.Max(problem.HeadDim, problem.ValueDim), 32);
}
