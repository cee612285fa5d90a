using LatentSync.Weights.Catalogue;

namespace LatentSync.Weights.Fetching;

/// <summary>What of a package lies in a folder. Only names and lengths are looked at.</summary>
/// <param name="Package">The package.</param>
/// <param name="Present">Files that are there.</param>
/// <param name="Missing">Files that are not, or are of another length than the catalogue knows.</param>
public sealed record PackagePresence(WeightPackage Package, IReadOnlyList<string> Present, IReadOnlyList<string> Missing)
{
    /// <summary>All of it is there.</summary>
    public bool IsComplete => Missing.Count == 0;

    /// <summary>Looks at a folder.</summary>
    /// <param name="catalogue">The catalogue.</param>
    /// <param name="package">A package of it; what it includes counts.</param>
    /// <param name="folder">The folder; need not exist.</param>
    public static PackagePresence Of(WeightCatalogue catalogue, WeightPackage package, string folder)
    {
        ArgumentNullException.ThrowIfNull(catalogue);
        ArgumentNullException.ThrowIfNull(package);
        ILookup<bool, string> files = catalogue
            .Expand([package.Name])
            .SelectMany(p => p.Files)
            .SelectMany(file => file.Results.Select(path => (path, file)))
            .ToLookup(f => IsThere(Path.Combine(folder, f.path), f.file), f => f.path);
        return new PackagePresence(package, [.. files[true]], [.. files[false]]);
    }

    /// <summary>Bytes of a package with all that it includes, as far as the catalogue knows.</summary>
    /// <param name="catalogue">The catalogue.</param>
    /// <param name="name">The package's name.</param>
    /// <returns>The sum of the known lengths, and whether every length is known at least roughly, and exactly.</returns>
    public static (long Bytes, bool IsWhole, bool IsExact) SizeOf(WeightCatalogue catalogue, string name)
    {
        ArgumentNullException.ThrowIfNull(catalogue);
        RemoteFile[] files = [.. catalogue.Expand([name]).SelectMany(p => p.Files)];
        return (files.Sum(f => f.ShownBytes ?? 0), files.All(f => f.ShownBytes is not null), files.All(f => f.Bytes is not null));
    }

    private static bool IsThere(string path, RemoteFile file) =>
        new FileInfo(path) is { Exists: true } info && (file.Unpack.Count > 0 || file.Bytes is not { } bytes || info.Length == bytes);
}
