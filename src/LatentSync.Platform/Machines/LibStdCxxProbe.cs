using LatentSync.Platform.Elf;
using LatentSync.Platform.Loading;

namespace LatentSync.Platform.Machines;

/// <summary>The C++ library of this process.</summary>
/// <param name="Path">The file.</param>
/// <param name="NewestVersion">The newest symbol version it defines, "GLIBCXX_3.4.30".</param>
public sealed record LibStdCxxFacts(string Path, string NewestVersion);

/// <summary>Reads which libstdc++ native libraries get here: the one that is mapped already, since .NET itself uses it.</summary>
internal static class LibStdCxxProbe
{
    /// <returns>null on systems without libstdc++ (Windows, macOS).</returns>
    public static LibStdCxxFacts? Read()
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }
        var search = new DependencySearch { Mapped = MappedLibraries.Read(), LibraryPath = PlatformSettings.FromEnvironment().LibraryPath };
        (string? path, _) = search.Find("libstdc++.so.6", "", []);
        if (path is null)
        {
            throw new FileNotFoundException($"libstdc++.so.6 is missing: {LibraryPackages.Remedy("libstdc++.so.6")}");
        }
        using ElfImage image = ElfImage.Open(path);
        string? newest = DependencyGraph.Newest(image.ReadVersionDefinitions(), "GLIBCXX_");
        return new LibStdCxxFacts(path, newest ?? throw new InvalidDataException($"{path} defines no GLIBCXX version"));
    }
}
