using System.Diagnostics;
using System.Diagnostics.Metrics;
using LatentSync.Attention.Failures;

namespace LatentSync.Attention.Dispatch;

/// <summary>Names and instruments of traces and metrics, in one place. Nothing is recorded while nobody listens. With OpenTelemetry:
/// <c>AddSource(AttentionTelemetry.Name)</c> and <c>AddMeter(AttentionTelemetry.Name)</c>.</summary>
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

    /// <summary>Event of an activity: a backend failed and the next one is tried; tags backend and code.</summary>
    public const string FallbackEvent = "latentsync.attention.fallback";

    private static readonly string? Version = typeof(AttentionTelemetry).Assembly.GetName().Version?.ToString(3);
    private static readonly Meter Meter = new(Name, Version);

    /// <summary>One activity per call, named "attention"; tags layer, backend and problem.</summary>
    public static ActivitySource Source { get; } = new(Name, Version);

    /// <summary>Calls that a backend completed; tags layer and backend.</summary>
    public static Counter<long> Calls { get; } =
        Meter.CreateCounter<long>("latentsync.attention.calls", "{call}", "Calls a backend completed.");

    /// <summary>Failures that a fallback took over; tags layer, backend and code.</summary>
    public static Counter<long> Fallbacks { get; } =
        Meter.CreateCounter<long>("latentsync.attention.fallbacks", "{fallback}", "Failures of a backend that the next one took over.");

    /// <summary>Seconds until a call returned, its fallbacks included; tags layer and backend. A GPU may still be computing
    /// then.</summary>
    public static Histogram<double> Duration { get; } =
        Meter.CreateHistogram(
            "latentsync.attention.duration",
            "s",
            "Time until a call returned.",
            tags: null,
            new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [1e-5, 1e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
            }
        );

    /// <summary>When a call begins; 0, without a look at the clock, while nobody listens to <see cref="Duration"/>.</summary>
    internal static long Start() => Duration.Enabled ? Stopwatch.GetTimestamp() : 0;

    /// <summary>Records how long a call took.</summary>
    /// <param name="started">What <see cref="Start"/> gave.</param>
    /// <param name="layer">Layer class.</param>
    /// <param name="backend">What completed it.</param>
    internal static void Stop(long started, string? layer, string backend)
    {
        if (started != 0)
        {
            Duration.Record(Stopwatch.GetElapsedTime(started).TotalSeconds, new(LayerTag, layer), new(BackendTag, backend));
        }
    }

    /// <summary>Notes a failed attempt in the call's activity.</summary>
    /// <param name="activity">The activity; null while nobody listens.</param>
    /// <param name="backend">What failed.</param>
    /// <param name="kind">How.</param>
    internal static void NoteFallback(Activity? activity, string backend, FailureKind kind) =>
        activity?.AddEvent(
            new ActivityEvent(
                FallbackEvent,
                tags: new ActivityTagsCollection { [BackendTag] = backend, [CodeTag] = FailureClassifier.Describe(kind).Code }
            )
        );
}
