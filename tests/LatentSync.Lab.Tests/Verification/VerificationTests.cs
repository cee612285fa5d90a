using System.Runtime.InteropServices;
using LatentSync.Attention;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Workloads;
using LatentSync.Lab.Verification;
using static TorchSharp.torch;

namespace LatentSync.Lab.Tests.Verification;

/// <summary>The verifier finds what is wrong and only that, and compares like with like.</summary>
public sealed class VerificationTests
{
    private static readonly AttentionProblem Plain = AttentionProblem.Of(2, 3, 33, 47, 24);

    private static readonly Workload Small = new(
        "small",
        "shapes that differ in everything",
        [
            new("plain", Plain, 1, "pass"),
            new("length first", Plain with { QueryLayout = OperandLayout.LengthFirst }, 1, "pass"),
            new(
                "grouped causal",
                Plain with
                {
                    KvHeadCount = 1,
                    IsCausal = true,
                    CausalAlignment = CausalAlignment.BottomRight,
                },
                1,
                "pass"
            ),
            new("longer values", Plain with { ValueDim = 40 }, 1, "pass"),
            new("window", Plain with { LeftWindow = 5, RightWindow = 2 }, 1, "pass"),
            new("mask", Plain with { Mask = AttentionMask.Of(AttentionMaskKind.Boolean, 2, 1, 33, 47) }, 1, "pass"),
            new("bias", Plain with { Mask = AttentionMask.Of(AttentionMaskKind.Additive, 1, 3, 33, 47) }, 1, "pass"),
            new("no keys", Plain with { KeyLength = 0 }, 1, "pass"),
        ]
    );

    [Theory]
    [InlineData(4_000_000, Traits = ["Category", "Slow"])]
    [InlineData(500)] // a sample of heads and queries
    public void Run_EveryBackendAndDType_IsRight(long referenceScores)
    {
        AttentionDType[] dtypes = [AttentionDType.Float32, AttentionDType.Float16, AttentionDType.BFloat16, AttentionDType.Float64];
        var layers = Verify(Small, AttentionDispatcher.BuiltInBackends(), dtypes, referenceScores);

        Assert.Equal(Small.Layers.Count * dtypes.Length, layers.Count);
        foreach (LayerVerification layer in layers)
        {
            Assert.NotEmpty(layer.Results);
            Assert.All(
                layer.Results,
                result =>
                    Assert.True(
                        result.Passed,
                        $"{layer.Layer.Name} {layer.Problem.DType} {result.Backend}: {result.Failure} {result.RelativeError:E2}"
                    )
            );
            Assert.Equal(layer.Chosen, layer.Results.Single(result => result.IsChosen).Backend);
            Assert.Equal(1.0, layer.Results.Min(result => result.RatioToBest));
            Assert.All(layer.Results, result => Assert.True(result.Milliseconds > 0 && result.Rounds >= 1));
            Assert.True(layer.FmaGflops > 0 && layer.BestFmaGflops >= layer.FmaGflops);
            Assert.All(layer.Results, result => Assert.Equal(result.Gflops / layer.FmaGflops, result.PeakFraction));
            Assert.Equal(AttentionDispatcher.BuiltInBackends().Count, layer.Results.Count + layer.Skipped.Count);
        }
        Assert.Contains(
            layers,
            layer =>
                layer.Results.Any(result => referenceScores > 500 ? result.CheckedRows == result.Rows : result.CheckedRows < result.Rows)
        );
    }

    public static TheoryData<string> Faults =>
        [
            "scaled by 1.0001",
            "one key forgotten",
            "a NaN outside of the sample",
            "last head wrong",
            "last row wrong",
            "transposed",
            "float64",
            "throws",
        ];

    [Theory]
    [MemberData(nameof(Faults))]
    public void Run_WrongBackend_IsFound(string fault)
    {
        // 16 heads of 64 queries; 4000 scores are a sample of one or two heads.
        var workload = new Workload("w", "w", [new("layer", AttentionProblem.Of(4, 4, 64, 64, 16), 1, "pass")]);
        IAttentionBackend[] backends = [new TorchFlashBackend(), new FaultyBackend(fault)];

        LayerVerification layer = Assert.Single(Verify(workload, backends, [AttentionDType.Float32], 4000));

        VerificationResult flash = layer.Results.Single(result => result.Backend == "torch-flash"),
            faulty = layer.Results.Single(result => result.Backend == "sliced");
        Assert.True(flash.Passed, flash.Failure);
        Assert.False(faulty.Passed);
        Assert.NotNull(faulty.Failure);
        Assert.Equal(1.0, flash.RatioToBest); // a wrong backend is never the best
        Assert.Equal(fault == "throws", faulty.Milliseconds is null);
        Assert.Equal(1, VerificationSummary.Of([layer]).Single(summary => summary.Backend == "sliced").Wrong);
    }

    [Fact]
    public void Run_BugInTheBackend_IsNotHidden()
    {
        var workload = new Workload("w", "w", [new("layer", Plain, 1, "pass")]);
        Assert.Throws<InvalidOperationException>(() => Verify(workload, [new FaultyBackend("bug")], [AttentionDType.Float32], 4000));
    }

    [Fact]
    public void Run_Cancelled_Stops()
    {
        using CancellationTokenSource cancel = new();
        IEnumerator<LayerVerification> layers = new BackendVerifier(Options(Small, AttentionDispatcher.BuiltInBackends()))
            .Run(cancel.Token)
            .GetEnumerator();
        Assert.True(layers.MoveNext());
        cancel.Cancel();
        Assert.Throws<OperationCanceledException>(() => layers.MoveNext());
    }

    [Fact]
    public void Layers_Filtered_AreTheNamedOnes()
    {
        var verifier = new BackendVerifier(
            Options(Small, AttentionDispatcher.BuiltInBackends()) with
            {
                LayerFilter = "MASK",
                DTypes = [AttentionDType.Float32, AttentionDType.BFloat16],
            }
        );
        Assert.Equal([AttentionDType.Float32, AttentionDType.BFloat16], verifier.Layers.Select(entry => entry.Problem.DType));
        Assert.All(verifier.Layers, entry => Assert.Equal("mask", entry.Layer.Name));
    }

    [Fact]
    public void Measure_ThreeWays_RunInTurnsWithinTheBudget()
    {
        List<int> order = [];
        TimedCall[] calls = [.. Enumerable.Range(0, 3).Select(i => new TimedCall(() => order.Add(i), 0.01 * (i + 1)))];

        (double[][] samples, int rounds) = InterleavedTimer.Measure(
            calls,
            100,
            TimeSpan.FromSeconds(0.185),
            TestContext.Current.CancellationToken
        );

        Assert.Equal(3, rounds); // 60 ms a round
        Assert.Equal([0, 1, 2, 1, 2, 0, 2, 0, 1], order);
        Assert.Equal([3, 3, 3], samples.Select(times => times.Length));
    }

    [Fact]
    public void Measure_ShortCalls_AreRepeatedWithinASample()
    {
        int count = 0;
        (_, int rounds) = InterleavedTimer.Measure(
            [new TimedCall(() => count++, 1e-4)],
            4,
            TimeSpan.FromSeconds(1),
            TestContext.Current.CancellationToken
        );
        Assert.Equal((4, 4 * 20), (rounds, count)); // 2 ms a sample
    }

    [Fact]
    public void WarmUp_CallThatWasSlowAtFirst_IsKnownByItsShortestTime()
    {
        int count = 0;
        TimedCall warm = InterleavedTimer.WarmUp(new TimedCall(() => count++, 0.01), TimeSpan.FromSeconds(0.1));
        Assert.True(count > 1);
        Assert.InRange(warm.Seconds, 0, 0.009);
        Assert.Equal(
            0.5,
            InterleavedTimer.WarmUp(new TimedCall(() => Assert.Fail("there is no time for it"), 0.5), TimeSpan.FromSeconds(0.1)).Seconds
        );
    }

    [Fact]
    public void Measure_BeforeAndAfter_StandAroundEachTurnAndCountInTheBudget()
    {
        List<string> order = [];
        var call = new TimedCall(() => order.Add("call"), 1e-3)
        {
            Before = () => order.Add("before"),
            After = () => order.Add("after"),
            SecondsBeside = 0.01,
        };

        InterleavedTimes times = InterleavedTimer.Measure([call], 15, TimeSpan.FromSeconds(0.0245), TestContext.Current.CancellationToken);

        Assert.Equal(2, times.Rounds); // 12 ms a round
        Assert.Equal(["before", "call", "call", "after", "before", "call", "call", "after"], order);
    }

    [Theory]
    [InlineData(1.0, 1)] // four budgets: one round
    [InlineData(6.0, 0)] // what is known must do
    public void Measure_LongCalls_AreNotRepeated(double known, int expected)
    {
        int count = 0;
        InterleavedTimes times = InterleavedTimer.Measure(
            [new TimedCall(() => count++, known)],
            15,
            TimeSpan.FromSeconds(0.25),
            TestContext.Current.CancellationToken
        );
        Assert.Equal((expected, expected), (times.Rounds, count));
        Assert.True(expected == 1 || times.Seconds[0] == known);
    }

    [Fact]
    public void Median_EvenAndOdd_IsTheMiddle()
    {
        Assert.Equal(2, InterleavedTimer.Median([9, 1, 2]));
        Assert.Equal(2.5, InterleavedTimer.Median([3, 9, 1, 2]));
    }

    [Fact]
    public void Summary_TwoLayers_IsTheGeometricMeanAgainstTheBestOther()
    {
        LayerVerification Layer(string name, double a, double b, double c) =>
            new(Small, Small.Layers[0] with { Name = name }, Plain, "a", [Row("a", a), Row("b", b), Row("c", c)], []);
        VerificationResult Row(string backend, double ms) =>
            new()
            {
                Backend = backend,
                Passed = true,
                Milliseconds = ms,
            };

        IReadOnlyList<VerificationSummary> summary = VerificationSummary.Of([Layer("one", 1, 2, 8), Layer("two", 4, 2, 8)]);

        VerificationSummary first = summary.Single(entry => entry.Backend == "a"),
            second = summary.Single(entry => entry.Backend == "b");
        Assert.Equal(1.0, first.GeometricMean!.Value, 12); // 2/1 and 2/4
        Assert.Equal((0.5, "small two"), (first.Worst!.Value, first.WorstLayer));
        Assert.Equal(1.0, second.GeometricMean!.Value, 12); // 1/2 and 4/2
        Assert.Equal("c", summary[^1].Backend);
    }

    [Fact]
    public void PeakMemory_OneTensor_IsItsSize()
    {
        Assert.SkipUnless(PeakMemory.IsAvailable, "the peak is read from Linux's /proc");
        long peak = PeakMemory.Of(() => ones(64 << 18).Dispose())!.Value; // 64 MiB of float32
        Assert.InRange(peak, 63L << 20, 70L << 20); // the kernel counts pages of each thread in batches
        // 1 MiB, from what the heap may have kept; the median, because other threads of the process free memory meanwhile.
        long[] reused = [.. Enumerable.Range(0, 9).Select(_ => PeakMemory.Of(() => ones(1 << 18).Dispose())!.Value).Order()];
        Assert.InRange(reused[4], 1L << 19, 4L << 20);
    }

    [Fact]
    public void RefusedEverywhere_CodesOfAllLayers_NotThoseOfSome()
    {
        WorkloadLayer plain = new("plain", AttentionProblem.Of(1, 2, 16, 16, 8), 1, "call"),
            capped = new("capped", AttentionProblem.Of(1, 2, 16, 16, 8) with { Softcap = 30 }, 1, "call");
        BackendVerifier verifier = new(Options(new Workload("two", "two layers", [plain, capped]), AttentionDispatcher.BuiltInBackends()));
        IReadOnlyList<Verdict> refused = verifier.RefusedEverywhere();
        Assert.Equal(["torch-cudnn", "torch-efficient"], refused.Select(verdict => verdict.Backend).Order()); // not torch-flash, which has no softcap
        Assert.Equal(["ATT0300"], refused.Single(verdict => verdict.Backend == "torch-efficient").Reasons.Select(reason => reason.Code));
    }

    private static List<LayerVerification> Verify(
        Workload workload,
        IReadOnlyList<IAttentionBackend> backends,
        IReadOnlyList<AttentionDType> dtypes,
        long referenceScores
    ) => [.. new BackendVerifier(Options(workload, backends) with { DTypes = dtypes, ReferenceScores = referenceScores }).Run()];

    private static VerificationOptions Options(Workload workload, IReadOnlyList<IAttentionBackend> backends) =>
        new()
        {
            Machine = TorchMachine.Describe(),
            Workloads = [workload],
            Backends = backends,
            Repeats = 1,
            Budget = TimeSpan.FromMilliseconds(50),
            FreeMemory = _ => null,
        };

    /// <summary>Right but for one fault.</summary>
    private sealed class FaultyBackend(string fault) : IAttentionBackend
    {
        public string Name => AttentionBackendNames.Sliced;

        public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs)
        {
            AttentionInputs given = inputs;
            AttentionProblem posed = problem;
            if (fault == "one key forgotten")
            {
                posed = problem with { KeyLength = problem.KeyLength - 1 };
                given = inputs with { Key = inputs.Key.narrow(2, 0, posed.KeyLength), Value = inputs.Value.narrow(2, 0, posed.KeyLength) };
            }
            Tensor result = new SlicedBackend().Run(posed, given).Output;
            switch (fault)
            {
                case "scaled by 1.0001":
                    return result.mul_(1.0001);
                case "a NaN outside of the sample":
                    foreach (int head in new[] { 1, 2, 5, 6, 9, 10 })
                    {
                        result[head / 4, head % 4, 30, 3] = float.NaN;
                    }
                    return result;
                case "last head wrong":
                    result[3, 3].mul_(1.01);
                    return result;
                case "last row wrong":
                    result[TensorIndex.Colon, TensorIndex.Colon, 63].mul_(1.01);
                    return result;
                case "transposed":
                    return result.transpose(0, 1).transpose(1, 2).contiguous();
                case "float64":
                    return result.to(ScalarType.Float64);
                case "throws":
                    throw new ExternalException("no kernel found to launch!");
                case "bug":
                    throw new InvalidOperationException("an index went astray");
                default:
                    return result;
            }
        }
    }
}
