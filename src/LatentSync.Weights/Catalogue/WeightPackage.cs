namespace LatentSync.Weights.Catalogue;

/// <summary>Weights that are fetched together.</summary>
public sealed record WeightPackage
{
    /// <summary>What the user types: "latentsync-1.6".</summary>
    public required string Name { get; init; }

    /// <summary>What it is for.</summary>
    public required string Title { get; init; }

    /// <summary>Its terms.</summary>
    public required Licence Licence { get; init; }

    /// <summary>Where it comes from, for people.</summary>
    public required string Source { get; init; }

    /// <summary>Other packages that belong to it.</summary>
    public IReadOnlyList<string> Includes { get; init; } = [];

    /// <summary>Its files.</summary>
    public required IReadOnlyList<RemoteFile> Files { get; init; }
}
