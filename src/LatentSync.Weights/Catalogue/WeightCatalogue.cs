using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Weights.Faults;

namespace LatentSync.Weights.Catalogue;

/// <summary>What weights there are. All of it is data: the catalogue that ships, and a file of the user's of the same form.</summary>
public sealed class WeightCatalogue
{
    /// <summary>Longest catalogue that is read.</summary>
    public const int MaximumBytes = 1 << 20;

    private static readonly Lazy<WeightCatalogue> Embedded = new(ReadEmbedded);
    private readonly Dictionary<string, WeightPackage> _byName;

    private WeightCatalogue(IReadOnlyList<WeightPackage> packages)
    {
        Packages = packages;
        _byName = packages.ToDictionary(package => package.Name, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The catalogue that ships.</summary>
    public static WeightCatalogue Default => Embedded.Value;

    /// <summary>All packages, in the catalogue's order.</summary>
    public IReadOnlyList<WeightPackage> Packages { get; }

    /// <summary>This catalogue with a file's packages behind it; a package of the same name takes the place of ours.</summary>
    /// <param name="path">A JSON file.</param>
    /// <exception cref="WeightsException">WGT0101: the file is no catalogue.</exception>
    /// <exception cref="InputFileException">The file cannot be read.</exception>
    public WeightCatalogue With(string path)
    {
        IReadOnlyList<WeightPackage> more = CatalogueReader.Read(InputFile.ReadAllBytes(path, MaximumBytes), PrintableText.Quote(path));
        HashSet<string> replaced = new(more.Select(package => package.Name), StringComparer.OrdinalIgnoreCase);
        WeightCatalogue all = new([.. Packages.Where(package => !replaced.Contains(package.Name)), .. more]);
        all.CheckIncludes(PrintableText.Quote(path));
        return all;
    }

    /// <summary>Packages and all that belongs to them, each once.</summary>
    /// <param name="names">Names; case does not matter.</param>
    /// <exception cref="WeightsException">WGT0102: a name is not known.</exception>
    public IReadOnlyList<WeightPackage> Expand(IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        List<WeightPackage> found = [];
        Stack<string> open = new(names.Reverse());
        while (open.TryPop(out string? name))
        {
            if (!_byName.TryGetValue(name, out WeightPackage? package))
            {
                throw Unknown(name);
            }
            if (!found.Contains(package))
            {
                found.Add(package);
                foreach (string other in package.Includes.Reverse())
                {
                    open.Push(other);
                }
            }
        }
        return found;
    }

    private void CheckIncludes(string source)
    {
        foreach (WeightPackage package in Packages)
        {
            if (package.Includes.FirstOrDefault(other => !_byName.ContainsKey(other)) is { } missing)
            {
                throw CatalogueReader.Wrong(
                    source,
                    $"{package.Name} includes {PrintableText.Quote(missing)}, which is not in the catalogue"
                );
            }
        }
    }

    private WeightsException Unknown(string name)
    {
        string known = string.Join(", ", Packages.Select(package => package.Name));
        return NearestName.Of(name, Packages.Select(package => package.Name)) is { } near
            ? new("WGT0102", FaultKind.Input, $"No weights are named {PrintableText.Quote(name)}; did you mean {near}? There are: {known}.")
            : new("WGT0102", FaultKind.Input, $"No weights are named {PrintableText.Quote(name)}. There are: {known}.");
    }

    private static WeightCatalogue ReadEmbedded()
    {
        using Stream stream = typeof(WeightCatalogue).Assembly.GetManifestResourceStream("catalogue.json")!;
        using MemoryStream bytes = new();
        stream.CopyTo(bytes);
        WeightCatalogue catalogue = new(CatalogueReader.Read(bytes.ToArray(), "catalogue.json"));
        catalogue.CheckIncludes("catalogue.json");
        return catalogue;
    }
}
