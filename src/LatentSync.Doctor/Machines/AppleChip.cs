using System.Globalization;
using System.Text.RegularExpressions;

namespace LatentSync.Doctor.Machines;

/// <summary>A chip of Apple's: processor, GPU and memory in one.</summary>
/// <param name="Name">"Apple M3 Max".</param>
/// <param name="Cores">Cores of its processor, in the largest variant.</param>
/// <param name="GpuTera">Peak of its GPU in float32, in 10^12 operations per second.</param>
/// <param name="Gigabytes">Memory bandwidth in 10^9 bytes per second.</param>
internal sealed partial record AppleChip(string Name, int Cores, double GpuTera, double Gigabytes)
{
    /// <summary>Apple's own figures where they exist, else published measurements; from memory.</summary>
    private static readonly AppleChip[] All =
    [
        new("Apple M1", 8, 2.6, 68),
        new("Apple M1 Pro", 10, 5.2, 200),
        new("Apple M1 Max", 10, 10.4, 400),
        new("Apple M1 Ultra", 20, 21, 800),
        new("Apple M2", 8, 3.6, 100),
        new("Apple M2 Pro", 12, 6.8, 200),
        new("Apple M2 Max", 12, 13.6, 400),
        new("Apple M2 Ultra", 24, 27, 800),
        new("Apple M3", 8, 4.1, 100),
        new("Apple M3 Pro", 12, 7.4, 150),
        new("Apple M3 Max", 16, 16, 400),
        new("Apple M3 Ultra", 32, 28, 800),
        new("Apple M4", 10, 4.4, 120),
        new("Apple M4 Pro", 14, 9, 273),
        new("Apple M4 Max", 16, 18, 546),
    ];

    /// <summary>The chip of a name: "M1", "Apple M3 Max", "apple m4 pro gpu"; null for another name.</summary>
    /// <param name="name">The name.</param>
    public static AppleChip? Find(string name)
    {
        Match match = Chip().Match(name.Trim());
        if (!match.Success)
        {
            return null;
        }
        string kind = CultureInfo.InvariantCulture.TextInfo.ToTitleCase(match.Groups["kind"].Value.ToLowerInvariant());
        string wanted = $"Apple M{match.Groups["number"].Value} {kind}".TrimEnd();
        return All.FirstOrDefault(chip => chip.Name == wanted);
    }

    [GeneratedRegex(@"^(apple\s+)?m(?<number>[1-9])(\s*(?<kind>pro|max|ultra))?(\s+gpu)?$", RegexOptions.IgnoreCase)]
    private static partial Regex Chip();
}
