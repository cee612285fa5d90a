using System.Globalization;

namespace LatentSync.Platform.Machines;

/// <summary>A folder of the control groups this process is in.</summary>
/// <param name="Path">Where its files are.</param>
/// <param name="IsVersion2">cgroup v2; else v1.</param>
internal readonly record struct CgroupFolder(string Path, bool IsVersion2)
{
    /// <summary>cgroup v1 writes "no limit" as the largest multiple of the page size.</summary>
    internal const long UnlimitedFrom = 1L << 62;

    /// <summary>The process's folders of cgroup v2 and v1, also mixed, each with its parents up to the mount.</summary>
    /// <param name="root">"/" or a copy of such a tree: proc/self/cgroup, proc/self/mountinfo and the mounted hierarchies.</param>
    internal static IEnumerable<CgroupFolder> All(string root)
    {
        string membership = System.IO.Path.Combine(root, "proc/self/cgroup"),
            mounts = System.IO.Path.Combine(root, "proc/self/mountinfo");
        if (!File.Exists(membership) || !File.Exists(mounts))
        {
            yield break;
        }
        List<CgroupMount> mounted = File.ReadLines(mounts).Select(CgroupMount.Parse).OfType<CgroupMount>().ToList();
        foreach (string line in File.ReadLines(membership))
        {
            // "0::/path" is v2; "5:cpu,cpuacct:/path" is v1
            string[] fields = line.Split(':', 3);
            if (fields.Length != 3)
            {
                continue;
            }
            string[] controllers = fields[1].Split(',', StringSplitOptions.RemoveEmptyEntries);
            bool isVersion2 = controllers.Length == 0;
            foreach (CgroupMount mount in mounted.Where(mount => mount.Serves(isVersion2, controllers)))
            {
                foreach (string folder in mount.Folders(root, fields[2]))
                {
                    yield return new CgroupFolder(folder, isVersion2);
                }
            }
        }
    }

    /// <summary>A file's text without white space around it; null without the file.</summary>
    internal static string? Text(string folder, string file)
    {
        string path = System.IO.Path.Combine(folder, file);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : null;
    }

    /// <summary>A file's one number; null when it holds none ("max").</summary>
    internal static long? Number(string folder, string file) =>
        long.TryParse(Text(folder, file), NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;
}

/// <summary>A mounted hierarchy: where it is, and which part of it is shown there.</summary>
file sealed record CgroupMount(string ShownRoot, string MountPoint, bool IsVersion2, IReadOnlyList<string> Controllers)
{
    /// <summary>A line of mountinfo: "id parent dev root mountpoint options [tags] - type source super-options".</summary>
    public static CgroupMount? Parse(string line)
    {
        int separator = line.IndexOf(" - ", StringComparison.Ordinal);
        string[] left = separator < 0 ? [] : line[..separator].Split(' ');
        string[] right = separator < 0 ? [] : line[(separator + 3)..].Split(' ');
        return left.Length >= 5 && right.Length >= 3 && right[0] is "cgroup" or "cgroup2"
            ? new CgroupMount(left[3], left[4], right[0] == "cgroup2", right[2].Split(','))
            : null;
    }

    public bool Serves(bool isVersion2, IReadOnlyList<string> controllers) =>
        IsVersion2 == isVersion2 && (isVersion2 || controllers.Any(controller => Controllers.Contains(controller)));

    /// <summary>The process's folder and its parents up to the mount: a limit of any of them counts.</summary>
    public IEnumerable<string> Folders(string root, string path)
    {
        string top = Path.Combine(root, MountPoint.TrimStart('/'));
        string shown = ShownRoot.TrimEnd('/');
        // In a container without its own cgroup namespace the path is the host's, and the mount shows only our part of it.
        string inside = shown.Length > 0 && path.StartsWith(shown, StringComparison.Ordinal) ? path[shown.Length..] : path;
        string[] parts = inside.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Contains(".."))
        {
            parts = []; // a process outside the namespace's root: only the mount itself can be read
        }
        for (int count = parts.Length; count >= 0; count--)
        {
            string folder = Path.Combine([top, .. parts[..count]]);
            if (Directory.Exists(folder))
            {
                yield return folder;
            }
        }
    }
}
