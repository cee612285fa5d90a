using System.Runtime.InteropServices;

namespace LatentSync.Cli;

/// <summary>
/// Ctrl+C, SIGTERM and SIGHUP (the terminal or the ssh session is gone) cancel what runs, so that it cleans up; the exit code is 128 + the
/// signal's number, as shells have it. A second signal ends the program at once, and so does a clean-up that does not come to an end.
/// </summary>
internal sealed partial class Termination : IDisposable
{
    /// <summary>Time to finish a block of the network (seconds at full size), stop ffmpeg and delete partial files.</summary>
    private static readonly TimeSpan CleanUpTime = TimeSpan.FromMinutes(2);

    private readonly CancellationTokenSource _cancellation = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Timer _limit;
    private int _exitCode;

    private Termination() => _limit = new Timer(_ => EndAtOnce(_exitCode));

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _cancellation.Token;

    /// <summary>130, 143 or 129 once a signal came; null before.</summary>
    public int? ExitCode => _exitCode == 0 ? null : _exitCode;

    /// <summary>Begins to listen.</summary>
    public static Termination Listen()
    {
        Termination termination = new();
        termination.On(PosixSignal.SIGINT, Cli.ExitCode.Cancelled);
        termination.On(PosixSignal.SIGTERM, Cli.ExitCode.Terminated);
        if (!IgnoresHangUp())
        {
            termination.On(PosixSignal.SIGHUP, Cli.ExitCode.HungUp);
        }
        return termination;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _limit.Dispose();
        _cancellation.Dispose();
    }

    private void On(PosixSignal signal, int exitCode) =>
        _registrations.Add(
            PosixSignalRegistration.Create(
                signal,
                context =>
                {
                    context.Cancel = true;
                    if (Interlocked.CompareExchange(ref _exitCode, exitCode, 0) != 0)
                    {
                        EndAtOnce(exitCode);
                    }
                    _limit.Change(CleanUpTime, Timeout.InfiniteTimeSpan);
                    // Not here: what is registered on the token may take its time, and the next signal must be heard meanwhile.
                    _ = Task.Run(_cancellation.Cancel);
                }
            )
        );

    private static void EndAtOnce(int exitCode)
    {
        if (!OperatingSystem.IsWindows())
        {
            EndProcess(exitCode);
        }
        Environment.Exit(exitCode);
    }

    // nohup starts programs that way, and means it.
    private static bool IgnoresHangUp()
    {
        if (OperatingSystem.IsWindows())
        {
            return false;
        }
        nint before = SetHandler(HangUp, IgnoreHandler);
        if (before != IgnoreHandler)
        {
            SetHandler(HangUp, before);
        }
        return before == IgnoreHandler;
    }

    private const int HangUp = 1;
    private const nint IgnoreHandler = 1; // SIG_IGN

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void EndProcess(int exitCode);
}
