namespace LatentSync.Cli;

/// <summary>How a failure is reported.</summary>
internal sealed record FailureContext
{
    /// <summary>With the stack trace.</summary>
    public bool IsVerbose { get; init; }

    /// <summary>Also as JSON on standard output.</summary>
    public bool IsJson { get; init; }

    /// <summary>Exit code of the signal that cancelled the run; null: none came.</summary>
    public int? Signalled { get; init; }

    /// <summary>What a cancelled run leaves and how to go on; null: nothing to say.</summary>
    public string? GoingOn { get; init; }
}
