using System.Globalization;

namespace LatentSync.Platform.Loading;

/// <summary>The libraries mapped into this process (Linux: /proc/self/maps).</summary>
internal static class MappedLibraries
{
    /// <summary>Paths of the mapped files, each once, in order of address; empty where the system has no such list.</summary>
    /// <param name="mapsFile">The list to read; a parameter for tests.</param>
    public static IReadOnlyList<string> Read(string mapsFile = "/proc/self/maps")
    {
        if (!File.Exists(mapsFile))
        {
            return [];
        }
        var paths = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string line in File.ReadLines(mapsFile))
        {
            // address perms offset dev inode path: the path is the sixth field and may contain spaces
            int slash = line.IndexOf('/', StringComparison.Ordinal);
            if (slash < 0)
            {
                continue;
            }
            string[] fields = line[..slash].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            bool hasInode =
                fields.Length == 5
                && long.TryParse(fields[4], NumberStyles.None, CultureInfo.InvariantCulture, out long inode)
                && inode != 0;
            string path = line[slash..];
            if (hasInode && seen.Add(path))
            {
                paths.Add(path);
            }
        }
        return paths;
    }

    /// <summary>The mapped file of this name, or null.</summary>
    public static string? Find(IReadOnlyList<string> mapped, string fileName) =>
        mapped.FirstOrDefault(path => string.Equals(Path.GetFileName(path), fileName, StringComparison.Ordinal))
        // libstdc++.so.6 is a link to libstdc++.so.6.0.30, and the list shows the link's target
        ?? mapped.FirstOrDefault(path => Path.GetFileName(path).StartsWith(fileName + ".", StringComparison.Ordinal));
}
