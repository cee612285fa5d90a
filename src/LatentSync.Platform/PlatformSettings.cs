namespace LatentSync.Platform;

/// <summary>One environment variable that this layer obeys.</summary>
/// <param name="Name">The variable.</param>
/// <param name="Meaning">What it does, in one sentence.</param>
public sealed record SettingVariable(string Name, string Meaning);

/// <summary>Everything this layer takes from the environment, read once and in this one place.</summary>
public sealed record PlatformSettings
{
    /// <summary>The variables that <see cref="FromEnvironment"/> reads; the documentation is written from this list.</summary>
    public static IReadOnlyList<SettingVariable> Variables { get; } =
    [
        new(
            "LATENTSYNC_LIBTORCH",
            "Folder of another libtorch, for instance the torch/lib of a Python install; default: the one beside the program."
        ),
        new("LATENTSYNC_CACHE", "Folder for what LatentSync keeps between runs; default: the user's cache folder."),
        new("XDG_CACHE_HOME", "The user's cache folder on Linux, by the XDG rules; default: ~/.cache."),
        new("LD_LIBRARY_PATH", "Read, never changed: the dynamic loader searches these folders first, so the diagnosis does too."),
    ];

    /// <summary>Folder of an external libtorch (the one that holds libtorch_cpu); null for the one beside the program.</summary>
    public string? LibTorchFolder { get; init; }

    /// <summary>Folder for repaired native libraries and other files worth keeping; null when the user has no folder for it.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>Folders that the dynamic loader searches before its own list (LD_LIBRARY_PATH).</summary>
    public IReadOnlyList<string> LibraryPath { get; init; } = [];

    /// <summary>Reads the environment of this process.</summary>
    public static PlatformSettings FromEnvironment()
    {
#pragma warning disable RS0030 // this is the one place of this layer that reads the environment
        return From(Environment.GetEnvironmentVariable, UserCacheFolder());
#pragma warning restore RS0030
    }

    /// <summary>Settings from any source of variables.</summary>
    /// <param name="variable">Gives a variable's value, or null when it is not set.</param>
    /// <param name="userCacheFolder">The folder used when neither LATENTSYNC_CACHE nor XDG_CACHE_HOME says otherwise; null if there is
    /// none.</param>
    public static PlatformSettings From(Func<string, string?> variable, string? userCacheFolder)
    {
        ArgumentNullException.ThrowIfNull(variable);
        string? cache = NonEmpty(variable("LATENTSYNC_CACHE"));
        // The XDG rules say that a relative XDG_CACHE_HOME must be ignored.
        if (cache is null && OperatingSystem.IsLinux() && NonEmpty(variable("XDG_CACHE_HOME")) is { } xdg && Path.IsPathRooted(xdg))
        {
            cache = Path.Combine(xdg, "latentsync");
        }
        string? searched = NonEmpty(variable("LD_LIBRARY_PATH"));
        return new PlatformSettings
        {
            LibTorchFolder = NonEmpty(variable("LATENTSYNC_LIBTORCH")),
            CacheFolder = cache ?? userCacheFolder,
            LibraryPath = searched?.Split(':', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [],
        };
    }

    private static string? UserCacheFolder()
    {
        if (OperatingSystem.IsWindows())
        {
            string local = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
            return local.Length == 0 ? null : Path.Combine(local, "LatentSync", "Cache");
        }
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (home.Length == 0)
        {
            return null;
        }
        return OperatingSystem.IsMacOS()
            ? Path.Combine(home, "Library", "Caches", "LatentSync")
            : Path.Combine(home, ".cache", "latentsync");
    }

    private static string? NonEmpty(string? value) => string.IsNullOrWhiteSpace(value) ? null : value.Trim();
}
