using System.Text.RegularExpressions;
using LatentSync.Attention.Machines;

namespace LatentSync.Doctor.Machines;

/// <summary>GPUs of AMD, Intel and Apple by name. CUDA does not run on them, so the maker is all that an answer needs.</summary>
internal static partial class OtherGpus
{
    public const string Amd = "amd",
        Intel = "intel",
        Apple = "apple";

    /// <summary>The GPU; null when the name is of none of these makers.</summary>
    /// <param name="name">The name: "MI300X", "Radeon RX 7900 XTX", "Arc A770", "Apple M3 Max".</param>
    public static GpuInfo? TryFind(string name)
    {
        string text = name.Trim();
        return AppleChip.Find(text) is { } chip ? Of(chip.Name, Apple)
            : AmdName().IsMatch(text) ? Of(Called(text, "AMD ", MiName().IsMatch(text) ? "Instinct " : ""), Amd)
            : IntelName().IsMatch(text) ? Of(Called(text, "Intel ", ArcNumber().IsMatch(text) ? "Arc " : ""), Intel)
            : null;
    }

    private static GpuInfo Of(string name, string maker) => new(name, null, 0, null, null) { Maker = maker };

    /// <summary>The name with its maker and series in front, where they are missing.</summary>
    private static string Called(string name, string maker, string series) =>
        name.StartsWith(maker, StringComparison.OrdinalIgnoreCase) ? name : maker + series + name;

    [GeneratedRegex(
        @"^(amd\s+)?((instinct\s+)?mi\s?\d{2,3}[ax]?|(radeon\s+)?rx\s?(vega\s?)?\d{2,4}(\s?(xt|xtx|gre|m|s))?|(ati\s+)?radeon\b.*)$",
        RegexOptions.IgnoreCase
    )]
    private static partial Regex AmdName();

    [GeneratedRegex(@"^mi\s?\d", RegexOptions.IgnoreCase)]
    private static partial Regex MiName();

    [GeneratedRegex(
        @"^(intel(\(r\))?\s+)?(arc(\(tm\))?(\s+(pro\s+)?[ab]\d{2,3}m?)?(\s+graphics)?|a3[1578]0m?|a580|a7[3579]0m?|b5[78]0|iris\b.*|(u?hd)\s+graphics\b.*|data cent(er|re) gpu\b.*)$",
        RegexOptions.IgnoreCase
    )]
    private static partial Regex IntelName();

    [GeneratedRegex(@"^[ab]\d{3}m?$", RegexOptions.IgnoreCase)]
    private static partial Regex ArcNumber();
}
