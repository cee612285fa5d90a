namespace LatentSync.Testing;

/// <summary>A named pipe that nobody writes to: opening it for reading would wait for ever.</summary>
public static class NamedPipe
{
    /// <summary>False where the system has none of this kind.</summary>
    public static bool IsSupported => !OperatingSystem.IsWindows() && ProgramRun.Find("mkfifo") is not null;

    /// <summary>Makes one.</summary>
    /// <param name="path">Its path.</param>
    /// <returns>The path.</returns>
    public static async Task<string> CreateAsync(string path)
    {
        await ProgramRun.RunAsync(new ProgramStart(ProgramRun.Find("mkfifo")!, [path]));
        return path;
    }
}
