namespace LatentSync.Media.Video.Tools;

/// <summary>Where ffmpeg may be on a machine, in the order of preference. Pure: tests describe other machines.</summary>
/// <param name="Option">A file or folder given by the user; nothing else is tried then.</param>
/// <param name="Variable">Value of LATENTSYNC_FFMPEG, a file or folder; nothing else is tried then, unless there is an option.</param>
/// <param name="SearchPath">Value of PATH.</param>
/// <param name="CommonFolders">Folders to try last.</param>
/// <param name="IsWindows">Programs end in .exe.</param>
internal sealed record FfmpegLocator(
    string? Option,
    string? Variable,
    string? SearchPath,
    IReadOnlyList<string> CommonFolders,
    bool IsWindows
)
{
    /// <summary>The running machine.</summary>
    /// <param name="option">A file or folder given by the user; null if none.</param>
    public static FfmpegLocator ForThisMachine(string? option) =>
        new(
            string.IsNullOrWhiteSpace(option) ? null : option,
            MediaSettings.Read(MediaSettings.FfmpegVariable),
            MediaSettings.Read("PATH"),
            OperatingSystem.IsWindows() ? WindowsFolders() : UnixFolders,
            OperatingSystem.IsWindows()
        );

    private static readonly string[] UnixFolders =
    [
        "/usr/bin",
        "/usr/local/bin",
        "/opt/homebrew/bin",
        "/opt/local/bin",
        "/snap/bin",
        "/var/lib/flatpak/exports/bin",
    ];

    /// <summary>Pairs of ffmpeg and ffprobe that may exist, best first.</summary>
    public IEnumerable<(string Ffmpeg, string Ffprobe, string FoundBy)> Candidates()
    {
        if (Option is not null)
        {
            return [Named(Option, "option")];
        }

        if (Variable is not null)
        {
            return [Named(Variable, MediaSettings.FfmpegVariable)];
        }

        char separator = IsWindows ? ';' : ':';
        string[] searched = (SearchPath ?? string.Empty).Split(
            separator,
            StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries
        );

        // A relative entry of PATH would run whatever lies in the working directory.
        return searched
            .Where(Path.IsPathFullyQualified)
            .Select(folder => InFolder(folder, "PATH"))
            .Concat(CommonFolders.Select(folder => InFolder(folder, "common folder")));
    }

    private (string Ffmpeg, string Ffprobe, string FoundBy) Named(string path, string foundBy)
    {
        string full = Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            return InFolder(full, foundBy);
        }

        // "ffmpeg-7.1" has "ffprobe-7.1" beside it.
        string name = Path.GetFileName(full);
        string sibling = name.Contains("ffmpeg", StringComparison.OrdinalIgnoreCase)
            ? name.Replace("ffmpeg", "ffprobe", StringComparison.OrdinalIgnoreCase)
            : Executable("ffprobe");
        return (full, Path.Combine(Path.GetDirectoryName(full) ?? string.Empty, sibling), foundBy);
    }

    private (string Ffmpeg, string Ffprobe, string FoundBy) InFolder(string folder, string foundBy) =>
        (Path.Combine(folder, Executable("ffmpeg")), Path.Combine(folder, Executable("ffprobe")), foundBy);

    private string Executable(string name) => IsWindows ? name + ".exe" : name;

    private static string[] WindowsFolders()
    {
        string programs = Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles);
        string local = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        string user = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return
        [
            Path.Combine(local, "Microsoft", "WinGet", "Links"),
            Path.Combine(programs, "ffmpeg", "bin"),
            @"C:\ffmpeg\bin",
            @"C:\ProgramData\chocolatey\bin",
            Path.Combine(user, "scoop", "shims"),
        ];
    }
}
