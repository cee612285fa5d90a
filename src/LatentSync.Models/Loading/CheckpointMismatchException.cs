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
    public CheckpointMismatchException(string path, Sentence network, StateDictReport report, Sentence? looksLike = null)
        : base(null)
    {
        Text = Compose(path, network, report, looksLike);
        (Path, Network, Report, LooksLike) = (path, network, report, looksLike);
    }

    /// <summary>The checkpoint.</summary>
    public string Path { get; }

    /// <summary>Name of the network's class.</summary>
    public Sentence Network { get; }

    /// <summary>The complete comparison.</summary>
    public StateDictReport Report { get; }

    /// <summary>What the file looks like; null when nobody knows.</summary>
    public Sentence? LooksLike { get; }

    private static Sentence Compose(string path, Sentence network, StateDictReport report, Sentence? looksLike)
    {
        int wanted = report.Matched.Count + report.Missing.Count + report.Differences.Count;
        List<Sentence> facts = [];
        if (report.Differences.Count > 0)
        {
            facts.Add($"{report.Differences.Count} of its {wanted} tensors have a different shape or type ({Name(report.Differences)})");
        }
        if (report.Missing.Count > 0)
        {
            facts.Add($"{report.Missing.Count} of its {wanted} tensors are missing ({Name(report.Missing)})");
        }
        if (report.Unexpected.Count > 0)
        {
            facts.Add($"{report.Unexpected.Count} tensors of the file do not belong to it ({Name(report.Unexpected)})");
        }
        Sentence remedy =
            report.Matched.Count == 0 && report.Differences.Count == 0
                ? "The file holds another kind of network; give the right checkpoint."
                : "Give the checkpoint and the configuration that belong together.";
        Sentence all = Sentence.Join("; ", facts);
        return looksLike is null
            ? (Sentence)$"{path} does not fit {network}: {all}. {remedy}"
            : $"{path} looks like {looksLike} and does not fit {network}: {all}. {remedy}";
    }

    private static Sentence Name<T>(IReadOnlyList<T> items)
    {
        string names = string.Join("; ", items.Take(NamedKeys));
        return items.Count > NamedKeys ? (Sentence)$"{names}; and {items.Count - NamedKeys} more" : names;
    }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Input;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
