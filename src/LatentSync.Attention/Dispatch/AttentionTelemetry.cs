using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace LatentSync.Attention.Dispatch;

/// <summary>Names and instruments of traces and metrics, in one place. Nothing is recorded while nobody listens.</summary>
public static class AttentionTelemetry
{
    /// <summary>Name of the <see cref="ActivitySource"/> and of the <see cref="Meter"/>.</summary>
    public const string Name = "LatentSync.Attention";

    /// <summary>Tag: layer class, "unet.spatial-self".</summary>
    public const string LayerTag = "latentsync.attention.layer";

    /// <summary>Tag: backend's name.</summary>
    public const string BackendTag = "latentsync.attention.backend";

    /// <summary>Tag: code of a failure.</summary>
    public const string CodeTag = "latentsync.attention.code";

    /// <summary>Tag: the problem as text.</summary>
    public const string ProblemTag = "latentsync.attention.problem";

    /// <summary>One activity per call, named "attention".</summary>
    public static ActivitySource Source { get; } = new(Name);

    private static readonly Meter Meter = new(Name);

    /// <summary>Calls that a backend completed; tags layer and backend.</summary>
    public static Counter<long> Calls { get; } =
        Meter.CreateCounter<long>("latentsync.attention.calls", "{call}", "Calls a backend completed.");

    /// <summary>Failures that a fallback took over; tags layer, backend and code.</summary>
    public static Counter<long> Fallbacks { get; } =
        Meter.CreateCounter<long>("latentsync.attention.fallbacks", "{call}", "Failures of a backend.");
}
