namespace LatentSync.Media.Video.Tools;

/// <summary>What to type to install ffmpeg on a platform.</summary>
internal static class InstallationAdvice
{
    private static readonly (string Manager, string Command)[] LinuxManagers =
    [
        ("apt-get", "sudo apt-get install ffmpeg"),
        ("dnf", "sudo dnf install ffmpeg"),
        ("pacman", "sudo pacman -S ffmpeg"),
        ("apk", "sudo apk add ffmpeg"),
        ("zypper", "sudo zypper install ffmpeg"),
    ];

    /// <summary>The command for the running system.</summary>
    public static string ForThisMachine() =>
        OperatingSystem.IsWindows() ? "winget install --id Gyan.FFmpeg -e"
        : OperatingSystem.IsMacOS() ? "brew install ffmpeg"
        : ForLinux(manager => File.Exists(Path.Combine("/usr/bin", manager)) || File.Exists(Path.Combine("/sbin", manager)));

    /// <summary>The command for the first package manager that is present; all of them when none is.</summary>
    public static string ForLinux(Func<string, bool> isPresent)
    {
        foreach ((string manager, string command) in LinuxManagers)
        {
            if (isPresent(manager))
            {
                return command;
            }
        }

        return string.Join(", or ", LinuxManagers.Select(m => m.Command));
    }
}
