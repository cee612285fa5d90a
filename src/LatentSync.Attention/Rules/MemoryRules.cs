using System.Globalization;
using LatentSync.Attention.Wording;

namespace LatentSync.Attention.Rules;

/// <summary>The rule that a backend's memory must fit.</summary>
internal static class MemoryRules
{
    /// <summary>Code of the rule.</summary>
    public const string FitsCode = "ATT0105";

    /// <summary>Part of the free memory that a call may take; the rest is for what the process allocates meanwhile.</summary>
    private const double UsablePart = 0.8;

    /// <summary>A backend whose memory grows with the product of the lengths may only run when that fits.</summary>
    public static Constraint Fits { get; } =
        new(
            FitsCode,
            "The score matrix of {0} must fit into the memory that is free.",
            "an estimate of at most 80 % of the free memory",
            "none needed, a backend with bounded memory runs; or a smaller batch; or fewer frames at once; or a lower resolution",
            "measured on libtorch 2.10: torch-math holds 2.25 to 2.4 score matrices at its peak",
            (in ConstraintSubject s) =>
                s.FreeBytes is { } free && FreeBytesNeeded(s.EstimatedBytes) > free
                    ? Finding.Of("needs {0}, {1} free", Readable(s.EstimatedBytes), Readable(free))
                    : null
        );

    /// <summary>The least free memory with which an estimate fits.</summary>
    /// <param name="estimatedBytes">The estimate.</param>
    public static long FreeBytesNeeded(long estimatedBytes) => (long)Math.Min(estimatedBytes / UsablePart, long.MaxValue / 2);

    /// <summary>"12.3 GiB", "512.0 MiB", "3.0 KiB".</summary>
    /// <param name="bytes">A number of bytes.</param>
    public static string Readable(long bytes)
    {
        (double unit, string name) =
            bytes >= 1L << 30 ? (1L << 30, "GiB")
            : bytes >= 1L << 20 ? (1L << 20, "MiB")
            : (1L << 10, "KiB");
        return string.Create(CultureInfo.InvariantCulture, $"{bytes / unit:F1} {name}");
    }
}
