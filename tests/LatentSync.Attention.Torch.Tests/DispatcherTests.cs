using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

public sealed class DispatcherTests
{
    [Fact]
    public void Entry_WithoutScope_UsesTheDefaultDispatcher()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(1, 2, 8, 8);
        long before = Calls(AttentionDispatcher.Default, "test.default");

        TorchAttention.ScaledDotProductAttention(query, query, query, layer: "test.default");

        Assert.Equal(before + 1, Calls(AttentionDispatcher.Default, "test.default"));
    }

    [Fact]
    public async Task Use_NestedAndAwaited_CountsWhereItBelongs()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(1, 2, 8, 8);
        AttentionDispatcher outer = Auto(),
            inner = Auto();
        using (AttentionDispatcher.Use(outer))
        {
            TorchAttention.ScaledDotProductAttention(query, query, query, layer: "a");
            using (AttentionDispatcher.Use(inner))
            {
                await Task.Run(() => TorchAttention.ScaledDotProductAttention(query, query, query, layer: "a").Dispose());
            }
            TorchAttention.ScaledDotProductAttention(query, query, query, layer: "a");
        }
        Assert.Same(AttentionDispatcher.Default, AttentionDispatcher.Current);
        Assert.Equal((2L, 1L), (Calls(outer, "a"), Calls(inner, "a")));
        outer.ResetCounters();
        Assert.Empty(outer.Snapshot());
    }

    [Fact]
    public void Entry_AllArguments_EqualsFloat64()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn([2, 4, 9, 8], generator: new Generator(1)),
            key = randn([2, 2, 13, 8], generator: new Generator(2));
        Tensor mask = randn([13], generator: new Generator(3));

        Tensor actual = TorchAttention.ScaledDotProductAttention(query, key, key, mask, scale: 0.2, isCausalBottomRight: true);

        var arguments = new AttentionArguments
        {
            Mask = mask,
            Scale = 0.2,
            IsCausal = true,
            CausalAlignment = CausalAlignment.BottomRight,
        };
        Assert.True((ReferenceAttention.Compute(query, key, key, arguments) - actual).abs().max().item<double>() < 1e-6);
    }

    /// <summary>What no backend may touch: libtorch's process-wide switches, also while others run or fail.</summary>
    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(false, false)]
    public void Run_ProcessWideSwitches_AreNeitherChangedNorObeyed(bool flash, bool math)
    {
        backends.cuda.enable_flash_sdp(flash);
        backends.cuda.enable_math_sdp(math);
        try
        {
            Parallel.For(
                0,
                4,
                thread =>
                {
                    using var scope = NewDisposeScope();
                    Tensor query = randn(1, 2, 16, 24);
                    foreach (string name in TestDispatchers.Names)
                    {
                        Tensor result = TestDispatchers.Requiring(TestDispatchers.Create(name)).Run(query, query, query);
                        Assert.True(
                            (ReferenceAttention.Compute(query, query, query, default) - result).abs().max().item<double>() < 1e-5,
                            name
                        );
                        Assert.Equal((flash, math), (backends.cuda.flash_sdp_enabled(), backends.cuda.math_sdp_enabled()));
                    }
                    var failing = new ScriptedBackend(new TorchFlashBackend(), (_, _) => new ExternalException("fails"));
                    Assert.Throws<AttentionUnavailableException>(() => TestDispatchers.Requiring(failing).Run(query, query, query));
                    Assert.Equal((flash, math), (backends.cuda.flash_sdp_enabled(), backends.cuda.math_sdp_enabled()));
                }
            );
        }
        finally
        {
            backends.cuda.enable_flash_sdp(true);
            backends.cuda.enable_math_sdp(true);
        }
    }

    [Fact]
    public void Run_EveryBackendAndCase_LeavesNoTensorBehind()
    {
        AttentionDispatcher[] dispatchers =
        [
            .. TestDispatchers.Names.Select(name => TestDispatchers.Requiring(TestDispatchers.Create(name))),
        ];
        foreach (AttentionCase shape in AttentionCase.All)
        {
            using var scope = NewDisposeScope();
            var (query, key, value, arguments) = shape.Make(ScalarType.Float32);
            foreach (AttentionDispatcher dispatcher in dispatchers)
            {
                if (dispatcher.Explain(AttentionDispatcher.Describe(query, key, value, arguments)).Chosen is null)
                {
                    continue;
                }
                dispatcher.Run(query, key, value, arguments).Dispose();
                long before = Tensor.TotalCount;
                dispatcher.Run(query, key, value, arguments).Dispose();
                // Fewer: the finalizer came to what an earlier test left.
                Assert.True(Tensor.TotalCount <= before, $"{shape} {dispatcher.Policy}: {Tensor.TotalCount - before} tensors left");
            }
        }
    }

    [Fact]
    public void Run_KernelFails_LeavesNoTensorBehind()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(1, 2, 3, 8);
        AttentionDispatcher dispatcher = new(
            new AttentionDispatcherOptions
            {
                Policy = Policy.Auto,
                Backends = [new ScriptedBackend(new TorchFlashBackend(), (_, _) => new ExternalException("fails")), new TorchMathBackend()],
            }
        );
        dispatcher.Run(query, query, query).Dispose();
        dispatcher.Quarantine.Release();
        long before = Tensor.TotalCount;
        dispatcher.Run(query, query, query).Dispose();
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Theory]
    [InlineData(new long[] { 1, 2, 3, 8 }, new long[] { 1, 2, 3, 9 }, new long[] { 1, 2, 3, 8 })]
    [InlineData(new long[] { 1, 2, 3, 8 }, new long[] { 1, 2, 4, 8 }, new long[] { 1, 2, 3, 8 })]
    [InlineData(new long[] { 1, 3, 3, 8 }, new long[] { 1, 2, 3, 8 }, new long[] { 1, 2, 3, 8 })]
    [InlineData(new long[] { 2, 2, 3, 8 }, new long[] { 3, 2, 3, 8 }, new long[] { 3, 2, 3, 8 })]
    [InlineData(new long[] { 8 }, new long[] { 8 }, new long[] { 8 })]
    [InlineData(new long[] { 1, 2, 3, 8 }, new long[] { 2, 3, 8 }, new long[] { 2, 3, 8 })]
    public void Run_OperandsThatDoNotFit_IsAnArgumentException(long[] query, long[] key, long[] value)
    {
        using var scope = NewDisposeScope();
        var exception = Assert.Throws<ArgumentException>(() => Auto().Run(zeros(query), zeros(key), zeros(value)));
        Assert.Contains("found", exception.Message, StringComparison.Ordinal);
        Assert.Contains("required", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_BadMaskTypeScaleOrElement_IsAnArgumentException()
    {
        using var scope = NewDisposeScope();
        Tensor query = zeros(1, 2, 3, 8);
        Assert.Throws<ArgumentException>(() => Auto().Run(query, query, query, new() { Mask = zeros(3, 4) }));
        Assert.Throws<ArgumentException>(() => Auto().Run(query, query, query, new() { Mask = zeros(3, 3, dtype: ScalarType.Int32) }));
        Assert.Throws<ArgumentException>(() => Auto().Run(query, query, query, new() { Mask = zeros([1, 1, 1, 3, 3]) }));
        Assert.Throws<ArgumentException>(() => Auto().Run(query, query, query, new() { Scale = double.NaN }));
        Assert.Throws<ArgumentException>(() => Auto().Run(query, query, query, new() { Dropout = 1 }));
        Assert.Throws<ArgumentException>(() => Auto().Run(query.to(int32), query.to(int32), query.to(int32)));
        Assert.Throws<ArgumentException>(() => Auto().Run(query, query.to(float64), query));
    }

    [Fact]
    public void Run_Telemetry_CountsAndTraces()
    {
        using var scope = NewDisposeScope();
        Tensor query = zeros(1, 2, 3, 8);
        var counted = new List<string>();
        var traced = new List<string>();
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == AttentionTelemetry.Name)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        meters.SetMeasurementEventCallback<long>(
            (instrument, value, tags, _) => counted.Add($"{instrument.Name} {value} {tags[0].Value} {tags[1].Value}")
        );
        meters.Start();
        using var activities = new ActivityListener
        {
            ShouldListenTo = source => source.Name == AttentionTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity => traced.Add($"{activity.OperationName} {activity.GetTagItem(AttentionTelemetry.BackendTag)}"),
        };
        ActivitySource.AddActivityListener(activities);

        Auto().Run(query, query, query, layer: "vae.mid");

        Assert.Equal(["latentsync.attention.calls 1 vae.mid managed-flash"], counted);
        Assert.Equal(["attention managed-flash"], traced);
    }

    [Fact]
    public void Settings_BadPolicy_NamesTheVariable()
    {
        Assert.Equal(Policy.Auto, AttentionSettings.ParsePolicy(" "));
        Assert.Equal(Policy.Forbid("torch-math"), AttentionSettings.ParsePolicy("forbid torch-math"));
        var exception = Assert.Throws<FormatException>(() => AttentionSettings.ParsePolicy("flsh"));
        Assert.Contains("LATENTSYNC_ATTENTION", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_CachedPlan_AllocatesLittle()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(1, 2, 4, 8),
            output = randn(1, 2, 4, 8);
        var dispatcher = new AttentionDispatcher(
            new AttentionDispatcherOptions { Policy = Policy.Auto, Backends = [new ConstantBackend(output)] }
        );
        // The runtime allocates now and then while it compiles the method anew: the least of several rounds is the method's own.
        long least = long.MaxValue;
        for (int round = 0; round < 10 && least > 0; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++)
            {
                dispatcher.Run(query, query, query, layer: "a");
            }
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(0, least);
    }

    private static AttentionDispatcher Auto() => new(new AttentionDispatcherOptions { Policy = Policy.Auto });

    private static long Calls(AttentionDispatcher dispatcher, string layer) =>
        dispatcher.Snapshot().Where(use => use.Layer == layer).Sum(use => use.Calls);

    private sealed class ConstantBackend(Tensor output) : IAttentionBackend
    {
        public string Name => "torch-flash";

        public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs) => output;
    }
}
