using System.Runtime.InteropServices;

namespace LatentSync.Platform.Loading;

/// <summary>Where the dynamic loader would find a library, asked without loading ours: what is mapped already wins, then the
/// folders given, LD_LIBRARY_PATH, the asking library's own run path, the system's folders, and at last the loader itself.</summary>
internal sealed record DependencySearch
{
    /// <summary>Folders of the libraries to be loaded; those found there are loaded by their absolute path.</summary>
    public IReadOnlyList<string> OwnFolders { get; init; } = [];

    /// <summary>Files mapped into the process.</summary>
    public IReadOnlyList<string> Mapped { get; init; } = [];

    /// <summary>LD_LIBRARY_PATH.</summary>
    public IReadOnlyList<string> LibraryPath { get; init; } = [];

    /// <summary>The system's folders, by the conventions of Debian and Fedora.</summary>
    public IReadOnlyList<string> SystemFolders { get; init; } = DefaultSystemFolders();

    /// <summary>Asks the dynamic loader (which also knows /etc/ld.so.cache) for a library that was found nowhere else: its path, or
    /// null.</summary>
    public Func<string, string?> AskLoader { get; init; } = LoadAndFind;

    /// <summary>The file that would serve <paramref name="name"/>, and whether it is one of ours to load.</summary>
    /// <param name="name">A needed library, "libstdc++.so.6".</param>
    /// <param name="requiredBy">The path of the library that asks.</param>
    /// <param name="runPath">The run path of the library that asks.</param>
    public (string? Path, bool IsOwn) Find(string name, string requiredBy, IReadOnlyList<string> runPath)
    {
        if (MappedLibraries.Find(Mapped, name) is { } mapped)
        {
            return (mapped, false);
        }
        if (In(OwnFolders, name) is { } own)
        {
            return (own, true);
        }
        if (In(LibraryPath, name) is { } listed)
        {
            return (listed, false);
        }
        string origin = Path.GetDirectoryName(requiredBy) ?? "";
        IEnumerable<string> run = runPath.Select(folder =>
            folder.Replace("${ORIGIN}", origin, StringComparison.Ordinal).Replace("$ORIGIN", origin, StringComparison.Ordinal)
        );
        if (In(run, name) is { } beside)
        {
            return (Path.GetFullPath(beside), true);
        }
        return (In(SystemFolders, name) ?? AskLoader(name), false);
    }

    private static string? In(IEnumerable<string> folders, string name) =>
        folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    private static string? LoadAndFind(string name) =>
        NativeLibrary.TryLoad(name, out _) ? MappedLibraries.Find(MappedLibraries.Read(), name) ?? name : null;

    private static string[] DefaultSystemFolders()
    {
        string triplet = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
        return [$"/lib/{triplet}", $"/usr/lib/{triplet}", "/lib64", "/usr/lib64", "/usr/local/lib", "/lib", "/usr/lib"];
    }
}
