using LatentSync.Platform.Elf;

namespace LatentSync.Platform.Loading;

/// <summary>A library that was found nowhere.</summary>
/// <param name="Name">The name asked for.</param>
/// <param name="RequiredBy">The path of the library that asks.</param>
internal sealed record MissingDependency(string Name, string RequiredBy);

/// <summary>A symbol version that a library needs and its provider does not define.</summary>
/// <param name="Library">The path of the library that needs it.</param>
/// <param name="Need">What it needs.</param>
/// <param name="Provider">The path of the library that should define it.</param>
/// <param name="Newest">The newest version of that family which the provider defines, "GLIBCXX_3.4.30"; null if none.</param>
internal sealed record VersionProblem(string Library, VersionNeed Need, string Provider, string? Newest);

/// <summary>What a set of libraries needs, followed through DT_NEEDED before anything is loaded.</summary>
internal sealed class DependencyGraph
{
    private readonly DependencySearch _search;
    private readonly List<string> _loadOrder = [];
    private readonly List<MissingDependency> _missing = [];
    private readonly HashSet<string> _visited = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _providers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<string>> _definitions = new(StringComparer.Ordinal);
    private readonly List<VersionProblem> _versionProblems = [];

    private DependencyGraph(DependencySearch search) => _search = search;

    /// <summary>Our libraries, each after all that it needs.</summary>
    public IReadOnlyList<string> LoadOrder => _loadOrder;

    public IReadOnlyList<MissingDependency> Missing => _missing;

    public IReadOnlyList<VersionProblem> VersionProblems => _versionProblems;

    /// <summary>Which file serves a name.</summary>
    public IReadOnlyDictionary<string, string> Providers => _providers;

    /// <summary>Follows the needs of some libraries.</summary>
    /// <param name="roots">Paths of the libraries wanted.</param>
    /// <param name="search">Where to look.</param>
    /// <exception cref="ElfFormatException">One of our libraries is damaged.</exception>
    public static DependencyGraph Build(IEnumerable<string> roots, DependencySearch search)
    {
        var graph = new DependencyGraph(search);
        foreach (string root in roots)
        {
            graph.Visit(root);
        }
        return graph;
    }

    private void Visit(string path)
    {
        if (!_visited.Add(path))
        {
            return;
        }
        using ElfImage image = ElfImage.Open(path);
        foreach (string name in image.Needed)
        {
            if (_providers.ContainsKey(name))
            {
                continue;
            }
            (string? found, bool isOwn) = _search.Find(name, path, image.RunPath);
            if (found is null)
            {
                if (_missing.TrueForAll(missing => missing.Name != name))
                {
                    _missing.Add(new MissingDependency(name, path));
                }
                continue;
            }
            _providers[name] = found;
            if (isOwn)
            {
                Visit(found);
            }
        }
        CheckVersions(path, image);
        _loadOrder.Add(path);
    }

    private void CheckVersions(string path, ElfImage image)
    {
        foreach (VersionNeed need in image.VersionNeeds)
        {
            if (need.IsWeak || !_providers.TryGetValue(need.File, out string? provider))
            {
                continue;
            }
            IReadOnlyList<string> defined = Definitions(provider);
            // A provider without any versions is accepted by the loader, with a warning.
            if (defined.Count > 0 && !defined.Contains(need.Version))
            {
                _versionProblems.Add(new VersionProblem(path, need, provider, Newest(defined, need.Version)));
            }
        }
    }

    private IReadOnlyList<string> Definitions(string provider)
    {
        if (!_definitions.TryGetValue(provider, out IReadOnlyList<string>? defined))
        {
            defined = ReadDefinitions(provider);
            _definitions[provider] = defined;
        }
        return defined;
    }

    private static IReadOnlyList<string> ReadDefinitions(string provider)
    {
        try
        {
            using ElfImage image = ElfImage.Open(provider);
            return image.ReadVersionDefinitions();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return []; // a system library that cannot be read cannot be judged; the loader will
        }
    }

    /// <summary>The newest version of the family ("GLIBCXX" of "GLIBCXX_3.4.32").</summary>
    internal static string? Newest(IEnumerable<string> defined, string like)
    {
        string family = like[..(like.IndexOf('_', StringComparison.Ordinal) + 1)];
        return defined
            .Where(version => family.Length > 0 && version.StartsWith(family, StringComparison.Ordinal))
            .Select(version =>
                (Text: version, Number: Version.TryParse(Padded(version[family.Length..]), out Version? number) ? number : null)
            )
            .Where(item => item.Number is not null)
            .OrderBy(item => item.Number)
            .LastOrDefault()
            .Text;
    }

    private static string Padded(string number) => number.Contains('.', StringComparison.Ordinal) ? number : number + ".0";
}
