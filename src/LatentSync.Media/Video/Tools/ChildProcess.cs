using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace LatentSync.Media.Video.Tools;

/// <summary>A child process started from an argument list (no shell ever sees a path). Cancelling or disposing kills and reaps
/// it.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private static readonly TimeSpan ReapTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TailTime = TimeSpan.FromSeconds(2);
    private const int InterruptedFfmpeg = 255;
    private const int InterruptedFfprobe = 128 + 2;
    private readonly Process _process;
    private readonly ErrorTail _errors = new();
    private readonly Task _errorReader;
    private readonly CancellationTokenRegistration _registration;
    private readonly CancellationToken _cancellation;
    private bool _disposed;

    private ChildProcess(Process process, CancellationToken cancellation)
    {
        _process = process;
        _errorReader = _errors.ReadAsync(process.StandardError);
        _cancellation = cancellation;

        // Reads of a pipe cannot be interrupted on every system; a killed child closes its end, which always ends them.
        _registration = cancellation.Register(Kill);
    }

    /// <summary>The child's number, for tests and messages.</summary>
    public int Id => _process.Id;

    /// <summary>What the child writes.</summary>
    public Stream Output => _process.StandardOutput.BaseStream;

    /// <summary>What the child reads; closed from the start unless asked for.</summary>
    public Stream Input => _process.StandardInput.BaseStream;

    /// <summary>The end of what it said on standard error.</summary>
    public ErrorTail Errors => _errors;

    /// <summary>Starts a program.</summary>
    /// <param name="file">Full path of the program.</param>
    /// <param name="arguments">Its arguments, each passed as it is.</param>
    /// <param name="writesInput">False: standard input is closed at once.</param>
    /// <param name="cancellation">Kills the child.</param>
    /// <exception cref="FfmpegNotFoundException">The program cannot be started.</exception>
    public static ChildProcess Start(string file, IEnumerable<string> arguments, bool writesInput, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardErrorEncoding = Encoding.UTF8,
            UseShellExecute = false,
            CreateNoWindow = true,
        };
        start.Environment["AV_LOG_FORCE_NOCOLOR"] = "1";
        try
        {
#pragma warning disable RS0030 // Media starts ffmpeg here, and nowhere else
            Process process = Process.Start(start) ?? throw new InvalidOperationException("No process was started.");
#pragma warning restore RS0030
            if (!writesInput)
            {
                process.StandardInput.Close();
            }

            return new ChildProcess(process, cancellation);
        }
        catch (Win32Exception e)
        {
            throw new FfmpegNotFoundException(
                $"The program '{file}' cannot be started ({e.Message}): install ffmpeg with \"{InstallationAdvice.ForThisMachine()}\", or name a working one with {MediaSettings.FfmpegVariable}.",
                InstallationAdvice.ForThisMachine(),
                [file]
            );
        }
    }

    /// <summary>Runs a program to its end and collects its output.</summary>
    /// <param name="file">Full path of the program.</param>
    /// <param name="arguments">Its arguments, each passed as it is.</param>
    /// <param name="maximumOutput">Bytes of output at most; the child is killed when it writes more.</param>
    /// <param name="cancellation">Kills the child.</param>
    /// <returns>Exit code, output, tail of standard error.</returns>
    public static async Task<(int ExitCode, byte[] Output, ErrorTail Errors)> RunAsync(
        string file,
        IEnumerable<string> arguments,
        int maximumOutput,
        CancellationToken cancellation
    )
    {
        await using ChildProcess child = Start(file, arguments, writesInput: false, cancellation);
        using var output = new MemoryStream();
        var buffer = new byte[16384];
        for (int count; (count = await child.Output.ReadAsync(buffer, CancellationToken.None).ConfigureAwait(false)) > 0; )
        {
            if (output.Length + count > maximumOutput)
            {
                throw new MediaException(
                    MediaFault.OutOfBounds,
                    $"'{Path.GetFileName(file)}' wrote more than {maximumOutput} bytes where a short answer was expected."
                );
            }

            output.Write(buffer, 0, count);
        }

        int exitCode = await child.WaitAsync().ConfigureAwait(false);
        return (exitCode, output.ToArray(), child.Errors);
    }

    /// <summary>Ends when the child ends, however that is.</summary>
    public Task EndedAsync() => _process.WaitForExitAsync(CancellationToken.None);

    /// <summary>Waits for the end of the child and of its messages.</summary>
    /// <returns>Exit code; 128 + n when signal n killed it.</returns>
    /// <exception cref="OperationCanceledException">The child was cancelled.</exception>
    public async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        await Task.WhenAny(_errorReader, Task.Delay(TailTime, CancellationToken.None)).ConfigureAwait(false);
        if (_process.ExitCode is InterruptedFfmpeg or InterruptedFfprobe)
        {
            // Ctrl+C reaches the whole terminal group, and ffmpeg may be quicker to obey than we are to hear of it.
            await Task.Delay(TailTime, _cancellation).ConfigureAwait(false);
        }

        _cancellation.ThrowIfCancellationRequested();
        return _process.ExitCode;
    }

    /// <summary>Kills the child and what it started.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It has just ended by itself, which is what was wanted.
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        await _registration.DisposeAsync().ConfigureAwait(false);
        if (!_process.HasExited)
        {
            Kill();
            using var limit = new CancellationTokenSource(ReapTime);
            try
            {
                await _process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Killed but stuck in the kernel (a dead network drive): the system reaps it when that answers.
            }
        }

        await Task.WhenAny(_errorReader, Task.Delay(TailTime, CancellationToken.None)).ConfigureAwait(false);
        await ClosePipesAsync().ConfigureAwait(false);
        _process.Dispose();
    }

    // Disposing a process leaves the pipes that were read or written as streams to the finaliser.
    private async Task ClosePipesAsync()
    {
        foreach (
            Stream pipe in new[]
            {
                _process.StandardInput.BaseStream,
                _process.StandardOutput.BaseStream,
                _process.StandardError.BaseStream,
            }
        )
        {
            try
            {
                await pipe.DisposeAsync().ConfigureAwait(false);
            }
            catch (IOException)
            {
                // The other end is gone, and with it whoever would have read the rest.
            }
        }
    }
}
