using System.Diagnostics;
using System.Text;

namespace LatentSync.Testing;

/// <summary>How a program is started by a test.</summary>
/// <param name="Path">The executable.</param>
/// <param name="Arguments">Its arguments, unquoted.</param>
public sealed record ProgramStart(string Path, params string[] Arguments)
{
    /// <summary>Working folder; null: the test's.</summary>
    public string? Folder { get; init; }

    /// <summary>Variables that differ from the test's own; null removes one.</summary>
    public IReadOnlyDictionary<string, string?> Variables { get; init; } = new Dictionary<string, string?>();

    /// <summary>Told of every line on standard error as it comes, with the running process: lets a test interrupt it.</summary>
    public Action<string, Process>? OnErrorLine { get; init; }

    /// <summary>After so long the program is killed and the test fails.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromMinutes(10); // only a guard: machines are busy
}

/// <summary>What a program that has ended said.</summary>
/// <param name="ExitCode">128 + signal when a signal ended it.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Errors">Standard error.</param>
public sealed record ProgramRun(int ExitCode, string Output, string Errors)
{
    /// <summary>Runs a program to its end; its standard input is empty.</summary>
    /// <exception cref="TimeoutException">It did not end within the limit; what it said until then is in the message.</exception>
    public static async Task<ProgramRun> RunAsync(ProgramStart start)
    {
        ProcessStartInfo info = new(start.Path, start.Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
            WorkingDirectory = start.Folder ?? string.Empty,
        };
        foreach ((string name, string? value) in start.Variables)
        {
            info.Environment[name] = value;
        }
        StringBuilder errors = new();
        using Process process = new() { StartInfo = info };
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { } text)
            {
                lock (errors)
                {
                    errors.AppendLine(text);
                }
                start.OnErrorLine?.Invoke(text, process);
            }
        };
        process.Start();
        process.StandardInput.Close();
        process.BeginErrorReadLine();
        using CancellationTokenSource limit = new(start.Limit);
        try
        {
            string output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            lock (errors)
            {
                return new ProgramRun(process.ExitCode, output, errors.ToString());
            }
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{start.Path} {string.Join(' ', start.Arguments)} did not end within {start.Limit}: {errors}");
        }
    }

    /// <summary>Full path of a program in PATH; null when there is none.</summary>
    public static string? Find(string name)
    {
        string file = OperatingSystem.IsWindows() ? name + ".exe" : name;
        string folders = Environment.GetEnvironmentVariable("PATH") ?? string.Empty;
        return folders
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(f => Path.Combine(f, file))
            .FirstOrDefault(File.Exists);
    }
}
