using LatentSync.Testing;

namespace LatentSync.Cli.Tests;

/// <summary>The built program, which lies beside the tests.</summary>
internal static class Cli
{
    public static string Path =>
        System.IO.Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "LatentSync.Cli.exe" : "LatentSync.Cli");

    public static Task<ProgramRun> RunAsync(params string[] arguments) => ProgramRun.RunAsync(new ProgramStart(Path, arguments));

    public static Task<ProgramRun> RunAsync(IReadOnlyDictionary<string, string?> variables, params string[] arguments) =>
        ProgramRun.RunAsync(new ProgramStart(Path, arguments) { Variables = variables });

    /// <summary>Skips where ffmpeg, which the program needs, is absent.</summary>
    public static void RequireFfmpeg() => Assert.SkipWhen(ProgramRun.Find("ffmpeg") is null, "ffmpeg is not in PATH here.");

    /// <summary>Demands a failure told in words: nothing on standard output, no stack trace.</summary>
    public static void AssertFailure(int exitCode, ProgramRun run)
    {
        Assert.True(run.ExitCode == exitCode, $"exit code {run.ExitCode} instead of {exitCode}: {run.Errors}");
        Assert.Equal(string.Empty, run.Output);
        Assert.DoesNotContain("   at ", run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("unexpected failure", run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b[", run.Errors, StringComparison.Ordinal);
    }
}
