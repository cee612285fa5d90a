using System.Diagnostics;

namespace LatentSync.Testing;

/// <summary>A file system of a few hundred kilobytes in memory: what a full disk is tried on.</summary>
public sealed class SmallDisk : IDisposable
{
    private SmallDisk(string path) => Path = path;

    /// <summary>Folder where it is mounted.</summary>
    public string Path { get; }

    /// <summary>Mounts one; null where that is not possible (it needs Linux, the superuser, and permission).</summary>
    public static SmallDisk? TryMount(string path, int kilobytes)
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            return null;
        }
        Directory.CreateDirectory(path);
        return Run("mount", "-t", "tmpfs", "-o", $"size={kilobytes}k", "tmpfs", path) ? new SmallDisk(path) : null;
    }

    /// <inheritdoc/>
    public void Dispose() => Run("umount", Path);

    private static bool Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
