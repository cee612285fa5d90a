using System.Globalization;
using LatentSync.Foundation.Options;

namespace LatentSync.Compute;

/// <summary>The devices that can be named.</summary>
public static class Devices
{
    /// <summary>What an option for them says.</summary>
    public const string Help = "auto, cpu, cuda, cuda:N or mps";

    /// <summary>Where the networks can run; "cuda:0", "cuda:1", ... too.</summary>
    public static IReadOnlyList<Choice> All { get; } =
    [
        new("auto", "the best GPU that computes, else the processor"),
        new("cpu", "the processor"),
        new("cuda", "the first NVIDIA GPU"),
        new("cuda:N", "an NVIDIA GPU by its index", word => CudaIndex(word) is not null),
        new("mps", "an Apple GPU"),
    ];

    /// <summary>The N of "cuda:N"; null for other words.</summary>
    /// <param name="word">The word.</param>
    internal static int? CudaIndex(string word) =>
        word.StartsWith("cuda:", StringComparison.Ordinal)
        && int.TryParse(word.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int index)
            ? index
            : null;
}
