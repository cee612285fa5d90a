using System.Diagnostics;
using System.Text.Json;

namespace LatentSync.Platform.Tests.Children;

/// <summary>Starts this test program, or a copy of it elsewhere, as a child.</summary>
internal static class ChildProcess
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    /// <summary>The program's own folder.</summary>
    public static string OwnFolder => AppContext.BaseDirectory;

    public static bool IsRoot => Environment.IsPrivilegedProcess;

    /// <summary>Runs a scenario to its end.</summary>
    /// <param name="folder">The folder of the program.</param>
    /// <param name="arguments">Scenario and its arguments.</param>
    /// <param name="variables">Environment variables to set; null removes one.</param>
    /// <param name="asNobody">Run as the user nobody, for whom a read-only folder is read-only (root writes anywhere).</param>
    public static ChildReport Run(
        string folder,
        string[] arguments,
        IReadOnlyDictionary<string, string?>? variables = null,
        bool asNobody = false
    )
    {
        using Process process = Start(folder, arguments, variables, asNobody);
        return Finish(process);
    }

    public static Process Start(
        string folder,
        string[] arguments,
        IReadOnlyDictionary<string, string?>? variables = null,
        bool asNobody = false
    )
    {
        string program = Path.Combine(folder, "LatentSync.Platform.Tests" + (OperatingSystem.IsWindows() ? ".exe" : ""));
        string[] prefix = asNobody ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
        string[] command = [.. prefix, program, "child", .. arguments];
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        foreach (string argument in command[1..])
        {
            start.ArgumentList.Add(argument);
        }
        start.Environment.Remove("LATENTSYNC_LIBTORCH");
        foreach ((string name, string? value) in variables ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }
        return Process.Start(start)!;
    }

    public static ChildReport Finish(Process process)
    {
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(Limit), "The child process did not end.");
        Assert.True(process.ExitCode == 0, $"The child ended with {process.ExitCode}: {error.Result}{output}");
        return JsonSerializer.Deserialize<ChildReport>(output.Trim().Split('\n')[^1])!;
    }
}
