using System.Globalization;

namespace LatentSync.Attention.Machines;

/// <summary>Compute capabilities, and which of them a binary's code runs on.</summary>
public static class GpuArchitectures
{
    /// <summary>Reads "8.6"; false when the text is null or something else.</summary>
    /// <param name="text">The capability.</param>
    /// <param name="capability">Major and minor as 10·major + minor: 86.</param>
    public static bool TryParse(string? text, out int capability)
    {
        capability = 0;
        if (text is null || text.IndexOf('.', StringComparison.Ordinal) is var dot && dot <= 0)
        {
            return false;
        }
        if (
            !int.TryParse(text.AsSpan(0, dot), NumberStyles.None, CultureInfo.InvariantCulture, out int major)
            || !int.TryParse(text.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int minor)
            || major > 99
            || minor > 9
        )
        {
            return false;
        }
        capability = major * 10 + minor;
        return true;
    }

    /// <summary>Whether a libtorch has code that runs on a GPU: machine code X.y runs on X.z with z ≥ y; "X.y+PTX" also on
    /// everything newer. Unknown facts count as yes.</summary>
    /// <param name="libTorch">The libtorch.</param>
    /// <param name="computeCapability">The GPU's capability, "8.6".</param>
    public static bool HasCodeFor(LibTorchInfo libTorch, string? computeCapability)
    {
        if (libTorch.Architectures.Count == 0 || !TryParse(computeCapability, out int gpu))
        {
            return true;
        }
        foreach (string architecture in libTorch.Architectures)
        {
            bool isPtx = architecture.EndsWith("+PTX", StringComparison.OrdinalIgnoreCase);
            if (
                TryParse(isPtx ? architecture[..^4] : architecture, out int built)
                && (gpu / 10 == built / 10 && gpu >= built || isPtx && gpu >= built)
            )
            {
                return true;
            }
        }
        return false;
    }
}
