using System.Runtime.InteropServices;

namespace LatentSync.Platform.Machines;

/// <summary>Names the operating system: "linux Debian GNU/Linux 12 (bookworm)".</summary>
internal static class OperatingSystemProbe
{
    /// <param name="root">"/" or a copy of such a tree.</param>
    public static string Read(string root)
    {
        if (OperatingSystem.IsWindows())
        {
            return $"windows {RuntimeInformation.OSDescription}";
        }
        if (OperatingSystem.IsMacOS())
        {
            return $"macos {Environment.OSVersion.Version}";
        }
        string? release = new[] { "etc/os-release", "usr/lib/os-release" }
            .Select(file => Path.Combine(root, file))
            .FirstOrDefault(File.Exists);
        if (release is null)
        {
            return "linux (no os-release file)";
        }
        Dictionary<string, string> fields = [];
        foreach (string line in File.ReadLines(release))
        {
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && !line.StartsWith('#'))
            {
                fields[line[..equals].Trim()] = line[(equals + 1)..].Trim().Trim('"', '\'');
            }
        }
        string name =
            fields.GetValueOrDefault("PRETTY_NAME")
            ?? $"{fields.GetValueOrDefault("NAME", "of unknown name")} {fields.GetValueOrDefault("VERSION_ID")}".Trim();
        return $"linux {name}";
    }
}
