using LatentSync.Foundation.Faults;

namespace LatentSync.Cli;

/// <summary>Exit codes that scripts may rely on.</summary>
internal static class ExitCode
{
    public const int Done = 0;

    /// <summary>The run failed; the message says why.</summary>
    public const int Failed = 1;

    /// <summary>Wrong usage or a bad input file.</summary>
    public const int Usage = 2;

    /// <summary>This machine cannot do it: a missing or incompatible component.</summary>
    public const int Machine = 3;

    /// <summary>Cancelled by the user: Ctrl+C, SIGINT.</summary>
    public const int Cancelled = 130;

    /// <summary>Ended by SIGTERM.</summary>
    public const int Terminated = 143;

    /// <summary>Ended by SIGHUP: the terminal is gone.</summary>
    public const int HungUp = 129;

    /// <summary>The exit code of a kind of fault.</summary>
    /// <param name="kind">The kind.</param>
    public static int Of(FaultKind kind) =>
        kind switch
        {
            FaultKind.Input => Usage,
            FaultKind.Machine => Machine,
            FaultKind.Cancelled => Cancelled,
            _ => Failed,
        };
}
