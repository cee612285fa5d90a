using System.Globalization;
using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Backends;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>The CUDA backends on a device that is not there: what they hand to the kernels keeps every precondition of theirs, and what
/// comes back is attention.</summary>
public sealed class SimulatedCudaTests
{
    public static IEnumerable<string> BackendNames => ["torch-flash", "torch-efficient", "torch-cudnn", "torch-math", "sliced"];

    public static TheoryData<string> Backends() => [.. BackendNames];

    [Theory]
    [MemberData(nameof(Backends))]
    public void Run_RandomProblems_EqualFloat64AndBreakNoPrecondition(string backend)
    {
        var random = new Random(backend.Length);
        var device = new SimulatedCuda { LaunchLimit = 5 };
        AttentionDispatcher dispatcher = Dispatcher(Policy.Require(backend), device);
        int computed = 0,
            hidden = 0;
        for (int i = 0; i < 400; i++)
        {
            using var scope = NewDisposeScope();
            ScalarType dtype = random.Next(3) switch
            {
                0 => ScalarType.Float32,
                1 => ScalarType.Float16,
                _ => ScalarType.BFloat16,
            };
            RandomCall call = RandomCall.Draw(random, dtype);
            AttentionProblem problem = AttentionDispatcher.Describe(call.Query, call.Key, call.Value, call.Arguments) with
            {
                Device = AttentionDevice.Cuda(),
            };
            if (dispatcher.Explain(problem).Chosen is null)
            {
                continue;
            }
            Tensor expected = ReferenceAttention.Compute(call.Query, call.Key, call.Value, call.Arguments);

            Tensor actual = dispatcher.Run(call.Query, call.Key, call.Value, call.Arguments);

            double tolerance = dtype switch
            {
                ScalarType.Float32 => 2e-5,
                ScalarType.Float16 => 1e-2,
                _ => 8e-2,
            };
            double error = (expected - actual.to(float64)).abs().nan_to_num(double.PositiveInfinity).max().item<double>();
            Assert.Equal(call.Query.dtype, actual.dtype);
            Assert.True(
                error <= tolerance,
                string.Create(CultureInfo.InvariantCulture, $"problem {i}: error {error:E2}: {problem.Describe()}, {problem.Mask}")
            );
            computed++;
            hidden += expected.eq(0).all(-1).any().item<bool>() ? 1 : 0;
        }
        Assert.True(computed >= 40, $"only {computed} problems are for {backend}");
        Assert.True(hidden > 0 || backend == "torch-flash", "no problem had a hidden row");
        Assert.Empty(dispatcher.Quarantine.Entries);
    }

    [Theory]
    [InlineData("torch-efficient")]
    [InlineData("torch-cudnn")]
    public void Run_HiddenRows_AreZeroAndTheirGradientsToo(string backend)
    {
        using var scope = NewDisposeScope();
        Tensor query = randn([2, 3, 9, 8], generator: new Generator(1)).to(bfloat16).requires_grad_();
        Tensor key = randn([2, 3, 13, 8], generator: new Generator(2)).to(bfloat16).requires_grad_();
        Tensor mask = ones(9, 13, dtype: ScalarType.Bool);
        mask[4].fill_(false);

        Tensor result = Dispatcher(Policy.Require(backend), new SimulatedCuda()).Run(query, key, key, new() { Mask = mask });
        result.sum().backward();

        Assert.Equal(0f, result[TensorIndex.Colon, TensorIndex.Colon, 4].abs().max().to(float32).item<float>());
        Assert.Equal(0f, query.grad![TensorIndex.Colon, TensorIndex.Colon, 4].abs().max().to(float32).item<float>());
        Assert.True(query.grad.isfinite().all().item<bool>() && key.grad!.isfinite().all().item<bool>());
    }

    /// <summary>LatentSync's largest temporal problem: 65,536 sequences x heads, one more than a launch may have.</summary>
    [Theory]
    [InlineData("torch-flash")]
    [InlineData("torch-efficient")]
    [InlineData("torch-cudnn")]
    public void Run_OneMoreThanALaunch_IsSplit(string backend)
    {
        using var scope = NewDisposeScope();
        Tensor query = randn([8192, 8, 2, 8], generator: new Generator(1)).to(float16);
        var device = new SimulatedCuda();
        Tensor expected = ReferenceAttention.Compute(query, query, query, default);

        Tensor actual = Dispatcher(Policy.Require(backend), device).Run(query, query, query);

        Assert.Equal(2, device.Launches);
        Assert.True((expected - actual.to(float64)).abs().max().item<double>() < 1e-2);
    }

    [Fact]
    public void Run_HeadsBeyondALaunch_AreSplitBetweenGroups()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn([2, 12, 5, 8], generator: new Generator(1)).to(float16),
            key = randn([2, 6, 5, 8], generator: new Generator(2)).to(float16);
        Tensor mask = randn([2, 12, 5, 5], generator: new Generator(3)).to(float16);
        Tensor expected = ReferenceAttention.Compute(query, key, key, new() { Mask = mask });
        foreach (string name in new[] { "torch-efficient", "torch-cudnn" })
        {
            var device = new SimulatedCuda { LaunchLimit = 5 };
            Tensor actual = Dispatcher(Policy.Require(name), device).Run(query, key, key, new() { Mask = mask });
            Assert.True(device.Launches >= 6, name);
            Assert.True((expected - actual.to(float64)).abs().max().item<double>() < 1e-2, name);
        }
    }

    /// <summary>The rules foretell what the device would refuse; a device that refuses more is fallen back from.</summary>
    [Fact]
    public void Run_DeviceWithoutImage_FallsBackOnceAndSaysWhy()
    {
        using var scope = NewDisposeScope();
        var listener = new RecordingListener();
        Tensor query = randn([1, 2, 16, 8], generator: new Generator(1)).to(float16);
        AttentionDispatcher dispatcher = Dispatcher(Policy.Auto, new SimulatedCuda { HasImage = false }, listener);
        Tensor expected = ReferenceAttention.Compute(query, query, query, default);
        for (int i = 0; i < 3; i++)
        {
            Assert.True((expected - dispatcher.Run(query, query, query).to(float64)).abs().max().item<double>() < 1e-2);
        }
        Assert.All(
            listener.Incidents,
            incident =>
                Assert.Equal(
                    ("ATT0902", "CUDA error: no kernel image is available for execution on the device"),
                    (incident.Reason.Code, incident.Reason.Found)
                )
        );
        Assert.Equal(listener.Incidents.Count, listener.Incidents.DistinctBy(incident => incident.Backend).Count());
        Assert.Equal("sliced", Assert.Single(dispatcher.Snapshot()).Backend);
    }

    [Fact]
    public void Run_StandardPathBeyondMemory_IsSliced()
    {
        using var scope = NewDisposeScope();
        var listener = new RecordingListener();
        Tensor query = randn([1, 2, 64, 8], generator: new Generator(1));
        AttentionDispatcher dispatcher = Dispatcher(Policy.Prefer("torch-math"), new SimulatedCuda { MemoryBytes = 1000 }, listener);

        dispatcher.Run(query, query, query);

        AttentionIncident incident = Assert.Single(listener.Incidents);
        Assert.Equal((FailureKind.OutOfMemory, "torch-math"), (incident.Kind, incident.Backend));
        Assert.StartsWith("CUDA out of memory. Tried to allocate", incident.Reason.Found, StringComparison.Ordinal);
    }

    internal static AttentionDispatcher Dispatcher(Policy policy, ITorchKernels device, IAttentionListener? listener = null) =>
        new(
            new AttentionDispatcherOptions
            {
                Machine = Machine,
                Policy = policy,
                Backends = Backends(device),
                SimulatedDevice = AttentionDevice.Cuda(),
                FreeMemory = _ => 14L << 30,
                Listener = listener,
            }
        );

    internal static IReadOnlyList<IAttentionBackend> Backends(ITorchKernels device)
    {
        int limit = (device as SimulatedCuda)?.LaunchLimit ?? 65_535;
        return
        [
            new TorchFlashBackend(limit, device),
            new TorchEfficientBackend(device, limit),
            new TorchCuDnnBackend(device, limit),
            new TorchMathBackend(device),
            new SlicedBackend(),
        ];
    }

    internal static Machine Machine { get; } =
        new(
            "linux Ubuntu 24.04",
            new CpuInfo("a processor", 8, [], "x64"),
            64L << 30,
            [new GpuInfo("NVIDIA A100", "8.0", 40L << 30, 39L << 30, "570.86")],
            new CudaInfo("12.8", "12.8") { CuDnn = "9.20.0" },
            new LibTorchInfo("2.10.0", "cu128", null, false, ["7.0", "7.5", "8.0", "8.6", "9.0", "10.0", "12.0"])
        );
}
