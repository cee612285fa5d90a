using LatentSync.Attention.Wording;

namespace LatentSync.Attention.Failures;

/// <summary>What is said about a kind of failure.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Code">Stable code.</param>
/// <param name="Message">What happened.</param>
/// <param name="Required">What would have been needed.</param>
/// <param name="Remedy">What to do.</param>
public sealed record FailureDescription(FailureKind Kind, string Code, string Message, string Required, string Remedy)
{
    /// <summary>All of them, in the order of <see cref="FailureKind"/>.</summary>
    public static IReadOnlyList<FailureDescription> All { get; } =
    [
        new(
            FailureKind.NoKernel,
            "ATT0901",
            "The native library had no kernel for this problem.",
            "a libtorch that contains the kernel",
            "none needed, the next backend runs; or a newer libtorch, which may contain the kernel"
        ),
        new(
            FailureKind.NoKernelImage,
            "ATT0902",
            "The native library has no code for this GPU.",
            "a libtorch built for the GPU's architecture",
            "use ⟦Device cpu⟧; or a libtorch built for this GPU (⟦LibTorchFolder DIR⟧)"
        ),
        new(
            FailureKind.OutOfMemory,
            "ATT0903",
            "Memory ran out.",
            "enough free memory for the kernel",
            "none needed, a backend that takes less memory runs; or close other programs; or a smaller batch"
        ),
        new(
            FailureKind.UnsupportedArgument,
            "ATT0904",
            "The kernel refused an argument.",
            "arguments within the kernel's limits",
            "none needed, the next backend runs; please report it, a rule is missing"
        ),
        new(
            FailureKind.NativeLibraryGone,
            "ATT0905",
            "A native library or one of its functions is missing.",
            "a complete installation of libtorch",
            "run ⟦doctor⟧; or restore the packages; or give ⟦LibTorchFolder DIR⟧"
        ),
        new(
            FailureKind.DeviceLost,
            "ATT0906",
            "The device's state is lost; nothing more can run on it in this process.",
            "a working device",
            "restart the program; or, if it happens again, use ⟦Attention \"forbid NAME\"⟧ with the backend's name"
        ),
        new(
            FailureKind.Other,
            "ATT0907",
            "The kernel failed.",
            "a kernel that completes",
            "none needed, the next backend runs; please report it with the message"
        ),
        new(
            FailureKind.WrongNumbers,
            "ATT0908",
            "The kernel's self-test gave wrong numbers.",
            "the numbers of attention in float64, within the element type's rounding",
            "none needed, the next backend runs; or update libtorch, cuDNN or the driver, and please report it"
        ),
    ];

    /// <summary>Effort of the remedy's first step.</summary>
    private RemedyEffort Effort =>
        Kind switch
        {
            FailureKind.NativeLibraryGone or FailureKind.NoKernelImage or FailureKind.DeviceLost => RemedyEffort.Option,
            FailureKind.NoKernel => RemedyEffort.Installation,
            _ => RemedyEffort.Call,
        };

    /// <summary>The reason of a backend that failed this way.</summary>
    /// <param name="cause">What the kernel said.</param>
    /// <param name="setAside">Backend that is set aside since then; null when the reason is the failure itself.</param>
    public Reason ToReason(string cause, string? setAside) =>
        Reason.Of(language =>
        {
            string message = WordCatalog.Rule(Code, Message, language);
            return new Reason(
                Code,
                setAside is null ? message : Finding.Of("{0} is set aside since it failed. {1}", setAside, message).In(language),
                cause,
                WordCatalog.Required(Code, Required, language),
                WordCatalog.Remedy(Code, Remedy, language)
            )
            {
                Effort = Effort,
            };
        });
}
