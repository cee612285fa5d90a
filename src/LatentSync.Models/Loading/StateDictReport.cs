using LatentSync.Checkpoints;

namespace LatentSync.Models.Loading;

/// <summary>A key that file and network share, but not with the same shape or kind of number.</summary>
/// <param name="Key">The network's key.</param>
/// <param name="FileType">Stored element type.</param>
/// <param name="FileShape">Stored shape.</param>
/// <param name="NetworkShape">Shape of the parameter.</param>
public sealed record StateDictDifference(
    string Key,
    TensorElementType FileType,
    IReadOnlyList<long> FileShape,
    IReadOnlyList<long> NetworkShape
)
{
    /// <summary>"key: file (320, 4, 3, 3), network (320, 13, 3, 3)".</summary>
    public override string ToString()
    {
        string type = FileShape.SequenceEqual(NetworkShape) ? $" {FileType}" : string.Empty;
        return $"{Key}: file ({string.Join(", ", FileShape)}){type}, network ({string.Join(", ", NetworkShape)})";
    }
}

/// <summary>How the keys of a checkpoint and of a network relate: everything, not the first difference.</summary>
/// <param name="Matched">Keys with the same shape on both sides.</param>
/// <param name="Missing">Keys of the network that the file lacks.</param>
/// <param name="Unexpected">Keys of the file, without the prefix, that the network lacks.</param>
/// <param name="Differences">Keys of both with another shape or kind of number.</param>
public sealed record StateDictReport(
    IReadOnlyList<string> Matched,
    IReadOnlyList<string> Missing,
    IReadOnlyList<string> Unexpected,
    IReadOnlyList<StateDictDifference> Differences
)
{
    /// <summary>True when the file satisfies <paramref name="strictness"/>.</summary>
    /// <param name="strictness">The demand.</param>
    public bool Satisfies(StateDictStrictness strictness) =>
        Differences.Count == 0
        && strictness switch
        {
            StateDictStrictness.Exact => Missing.Count == 0 && Unexpected.Count == 0,
            StateDictStrictness.Complete => Missing.Count == 0,
            _ => true,
        };

    /// <summary>Splits the report into the two lists that are looked at most.</summary>
    /// <param name="missing">As <see cref="Missing"/>.</param>
    /// <param name="unexpected">As <see cref="Unexpected"/>.</param>
    public void Deconstruct(out IReadOnlyList<string> missing, out IReadOnlyList<string> unexpected) =>
        (missing, unexpected) = (Missing, Unexpected);
}
