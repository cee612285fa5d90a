using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Models.Loading;

/// <summary>A checkpoint is readable but belongs to another network; nothing of it was copied.</summary>
public sealed class CheckpointMismatchException : Exception, IFault
{
    private const int NamedKeys = 3;

    /// <summary>Describes how a file differs from a network.</summary>
    /// <param name="path">The checkpoint.</param>
    /// <param name="network">Name of the network's class.</param>
    /// <param name="report">The complete comparison.</param>
    /// <param name="looksLike">What the file looks like, for instance "a Stable Diffusion U-Net"; null when nobody knows.</param>
    public CheckpointMismatchException(string path, string network, StateDictReport report, string? looksLike = null)
        : base(Compose(path, network, report, looksLike))
    {
        (Path, Network, Report, LooksLike) = (path, network, report, looksLike);
    }

    /// <summary>The checkpoint.</summary>
    public string Path { get; }

    /// <summary>Name of the network's class.</summary>
    public string Network { get; }

    /// <summary>The complete comparison.</summary>
    public StateDictReport Report { get; }

    /// <summary>What the file looks like; null when nobody knows.</summary>
    public string? LooksLike { get; }

    private static string Compose(string path, string network, StateDictReport report, string? looksLike)
    {
        int wanted = report.Matched.Count + report.Missing.Count + report.Differences.Count;
        List<string> facts = [];
        if (report.Differences.Count > 0)
        {
            facts.Add($"{report.Differences.Count} of its {wanted} tensors have another shape or type ({Name(report.Differences)})");
        }
        if (report.Missing.Count > 0)
        {
            facts.Add($"{report.Missing.Count} of its {wanted} tensors are missing ({Name(report.Missing)})");
        }
        if (report.Unexpected.Count > 0)
        {
            facts.Add($"{report.Unexpected.Count} tensors of the file are unknown to it ({Name(report.Unexpected)})");
        }
        string remedy =
            report.Matched.Count == 0 && report.Differences.Count == 0
                ? "The file holds another kind of network; give the checkpoint of this one."
                : "Give the checkpoint that belongs to the configuration, or the configuration that belongs to the checkpoint.";
        string kind = looksLike is null ? string.Empty : $" looks like {looksLike} and";
        return $"{path}{kind} does not fit {network}: {string.Join("; ", facts)}. {remedy}";
    }

    private static string Name<T>(IReadOnlyList<T> items)
    {
        string names = string.Join("; ", items.Take(NamedKeys));
        return items.Count > NamedKeys ? $"{names}; and {items.Count - NamedKeys} more" : names;
    }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Input;

    /// <inheritdoc/>
    public Sentence Text => base.Message;

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
