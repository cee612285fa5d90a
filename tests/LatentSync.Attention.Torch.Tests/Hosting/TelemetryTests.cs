using System.Diagnostics;
using System.Diagnostics.Metrics;
using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Backends;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests.Hosting;

/// <summary>Instruments and activities as a collector sees them.</summary>
public sealed class TelemetryTests
{
    private sealed record Measurement(string Instrument, string? Unit, double Value, Dictionary<string, object?> Tags);

    [Fact]
    public void Meter_FallbackHappened_CountsCallFailureAndTime()
    {
        using var scope = NewDisposeScope();
        var measured = new List<Measurement>();
        using (Listen(measured))
        {
            Tensor query = randn(1, 2, 16, 24);
            Faulty().Run(query, query, query, layer: "metered");
        }
        Measurement call = Assert.Single(measured, m => m.Instrument == "latentsync.attention.calls");
        Assert.Equal(
            ("{call}", 1.0, "metered", "torch-math"),
            (call.Unit, call.Value, call.Tags[AttentionTelemetry.LayerTag], call.Tags[AttentionTelemetry.BackendTag])
        );
        Measurement fallback = Assert.Single(measured, m => m.Instrument == "latentsync.attention.fallbacks");
        Assert.Equal(
            ("{fallback}", 1.0, "torch-flash", "ATT0901"),
            (fallback.Unit, fallback.Value, fallback.Tags[AttentionTelemetry.BackendTag], fallback.Tags[AttentionTelemetry.CodeTag])
        );
        Measurement duration = Assert.Single(measured, m => m.Instrument == "latentsync.attention.duration");
        Assert.Equal(("s", "torch-math"), (duration.Unit, duration.Tags[AttentionTelemetry.BackendTag]));
        Assert.InRange(duration.Value, 1e-7, 60);
    }

    [Fact]
    public void Meter_NobodyListens_DoesNotLookAtTheClock()
    {
        Assert.Equal(0, AttentionTelemetry.Start());
        using (Listen([]))
        {
            Assert.NotEqual(0, AttentionTelemetry.Start());
        }
        Assert.Equal(0, AttentionTelemetry.Start());
    }

    [Fact]
    public void Instruments_All_HaveUnitDescriptionAndVersion() =>
        Assert.All(
            new Instrument[] { AttentionTelemetry.Calls, AttentionTelemetry.Fallbacks, AttentionTelemetry.Duration },
            instrument =>
            {
                Assert.StartsWith("latentsync.attention.", instrument.Name, StringComparison.Ordinal);
                Assert.False(string.IsNullOrEmpty(instrument.Unit) || string.IsNullOrEmpty(instrument.Description));
                Assert.Equal(
                    (AttentionTelemetry.Name, AttentionTelemetry.Source.Version),
                    (instrument.Meter.Name, instrument.Meter.Version)
                );
            }
        );

    [Fact]
    public void Activity_FallbackHappened_HasTagsAndTheEvent()
    {
        using var scope = NewDisposeScope();
        var activities = new List<Activity>();
        using ActivityListener listener = Trace(activities);
        Tensor query = randn(1, 2, 16, 24);

        Faulty().Run(query, query, query, layer: "traced");

        Activity activity = Assert.Single(activities, found => Equals(found.GetTagItem(AttentionTelemetry.LayerTag), "traced"));
        Assert.Equal(("attention", "torch-math"), (activity.OperationName, activity.GetTagItem(AttentionTelemetry.BackendTag)));
        Assert.Contains("Lq 16", (string)activity.GetTagItem(AttentionTelemetry.ProblemTag)!, StringComparison.Ordinal);
        ActivityEvent failed = Assert.Single(activity.Events);
        Assert.Equal(AttentionTelemetry.FallbackEvent, failed.Name);
        Assert.Equal("torch-flash", failed.Tags.Single(tag => tag.Key == AttentionTelemetry.BackendTag).Value);
        Assert.Equal("ATT0901", failed.Tags.Single(tag => tag.Key == AttentionTelemetry.CodeTag).Value);
        Assert.Equal(ActivityStatusCode.Unset, activity.Status);
    }

    [Fact]
    public void Activity_NothingLeft_IsAnError()
    {
        using var scope = NewDisposeScope();
        var activities = new List<Activity>();
        using ActivityListener listener = Trace(activities);
        Tensor query = randn(1, 2, 16, 24);
        var dispatcher = new AttentionDispatcher(
            new AttentionDispatcherOptions { Policy = Policy.Auto, Backends = [Fails(new TorchMathBackend())] }
        );

        Assert.Throws<AttentionUnavailableException>(() => dispatcher.Run(query, query, query));

        Assert.Equal(ActivityStatusCode.Error, Assert.Single(activities).Status);
    }

    private static AttentionDispatcher Faulty() =>
        new(new AttentionDispatcherOptions { Policy = Policy.Auto, Backends = [Fails(new TorchFlashBackend()), new TorchMathBackend()] });

    private static ScriptedBackend Fails(IAttentionBackend backend) => new(backend, (_, _) => FallbackTests.Failure(FailureKind.NoKernel));

    private static ActivityListener Trace(List<Activity> activities)
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == AttentionTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activities.Add,
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    private static MeterListener Listen(List<Measurement> measured)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == AttentionTelemetry.Name)
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.Start();
        return listener;

        void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            measured.Add(new Measurement(instrument.Name, instrument.Unit, value, tags.ToArray().ToDictionary()));
    }
}
