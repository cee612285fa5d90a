namespace LatentSync.Foundation.Files;

/// <summary>Where a path leads once the links in it are followed.</summary>
public static class ResolvedPath
{
    private const int MaximumLinks = 40; // as Linux does

    /// <summary>A path, its links followed, lies inside a folder, whose links are followed too. What does not exist is inside when its
    /// parents are.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="path">The path.</param>
    public static bool LeadsInto(string folder, string path) =>
        Of(folder) is { } root
        && Of(path) is { } target
        && target.StartsWith(Path.TrimEndingDirectorySeparator(root) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>The path without links; null when they go round in a circle or cannot be read.</summary>
    /// <param name="path">Any path; what does not exist yet is taken as it stands.</param>
    public static string? Of(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string done = Path.GetPathRoot(full)!;
        var left = new Stack<string>(Parts(full, done).Reverse());
        int links = 0;
        try
        {
            while (left.TryPop(out string? part))
            {
                if (part is "." or "..")
                {
                    done = part == ".." ? Path.GetDirectoryName(done) ?? done : done;
                    continue;
                }
                string next = Path.Combine(done, part);
                if (new FileInfo(next).LinkTarget is not { } target)
                {
                    done = next;
                    continue;
                }
                if (++links > MaximumLinks)
                {
                    return null;
                }
                if (Path.IsPathRooted(target))
                {
                    done = Path.GetPathRoot(Path.GetFullPath(target, done))!;
                    target = target[Path.GetPathRoot(target)!.Length..];
                }
                foreach (string step in Parts(target, string.Empty).Reverse())
                {
                    left.Push(step);
                }
            }
            return done;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string[] Parts(string path, string root) =>
        path[root.Length..].Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries);
}
