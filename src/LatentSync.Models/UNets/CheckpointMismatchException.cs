using System.Text;

namespace LatentSync.Models.UNets;

/// <summary>A tensor whose shape differs between file and network.</summary>
/// <param name="Key">Its name.</param>
/// <param name="Stored">Shape in the file.</param>
/// <param name="Required">Shape in the network.</param>
public sealed record ShapeDifference(string Key, IReadOnlyList<long> Stored, IReadOnlyList<long> Required);

/// <summary>A checkpoint does not fit the network that its configuration describes.</summary>
public sealed class CheckpointMismatchException : Exception
{
    private const int Shown = 3;

    /// <summary>Creates the exception.</summary>
    /// <param name="path">The file.</param>
    /// <param name="looksLike">What the file looks like.</param>
    /// <param name="missing">Keys the network has and the file lacks.</param>
    /// <param name="unexpected">Keys the file has and the network lacks.</param>
    /// <param name="dropped">Keys of the file left out because of their channel counts.</param>
    /// <param name="differences">Tensors of another shape.</param>
    public CheckpointMismatchException(
        string path,
        string looksLike,
        IReadOnlyList<string> missing,
        IReadOnlyList<string> unexpected,
        IReadOnlyList<string> dropped,
        IReadOnlyList<ShapeDifference> differences
    )
        : base(Compose(path, looksLike, missing, unexpected, dropped, differences))
    {
        (Path, LooksLike, Missing, Unexpected, Dropped, Differences) = (path, looksLike, missing, unexpected, dropped, differences);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What the file looks like.</summary>
    public string LooksLike { get; }

    /// <summary>Keys the network has and the file lacks.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>Keys the file has and the network lacks.</summary>
    public IReadOnlyList<string> Unexpected { get; }

    /// <summary>Keys of the file left out because of their channel counts.</summary>
    public IReadOnlyList<string> Dropped { get; }

    /// <summary>Tensors of another shape.</summary>
    public IReadOnlyList<ShapeDifference> Differences { get; }

    private static string Compose(
        string path,
        string looksLike,
        IReadOnlyList<string> missing,
        IReadOnlyList<string> unexpected,
        IReadOnlyList<string> dropped,
        IReadOnlyList<ShapeDifference> differences
    )
    {
        StringBuilder text = new($"{path} does not fit this U-Net; it looks like {looksLike}");
        Add(text, "of another shape", [.. differences.Select(d => $"{d.Key} is ({string.Join(", ", d.Stored)}), required ({string.Join(", ", d.Required)})")]);
        Add(text, "missing", missing);
        Add(text, "left out because of their channel counts", dropped);
        Add(text, "not used by this network", unexpected);
        return text.Append(". Give the checkpoint that belongs to this configuration, or the configuration that belongs to this checkpoint.").ToString();
    }

    private static void Add(StringBuilder text, string what, IReadOnlyList<string> entries)
    {
        if (entries.Count == 0)
        {
            return;
        }
        text.Append($"; {entries.Count} {(entries.Count == 1 ? "tensor" : "tensors")} {what}: {string.Join(", ", entries.Take(Shown))}");
        text.Append(entries.Count > Shown ? ", ..." : string.Empty);
    }
}
