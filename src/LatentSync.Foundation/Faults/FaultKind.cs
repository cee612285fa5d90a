namespace LatentSync.Foundation.Faults;

/// <summary>What has to change before the same request can succeed.</summary>
public enum FaultKind
{
    /// <summary>The request: an option, or a file that was named. (Exit code 2, HTTP 400.)</summary>
    Input,

    /// <summary>The machine: a program, a device, a library or memory is missing. (Exit code 3, HTTP 503.)</summary>
    Machine,

    /// <summary>Nothing that could be named: the work began and failed. (Exit code 1, HTTP 500.)</summary>
    Failed,

    /// <summary>The one who asked took the request back.</summary>
    Cancelled,
}
