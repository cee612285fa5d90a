using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.SelfTest;
using LatentSync.Testing;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

public sealed class SelfTestTests : IDisposable
{
    private static readonly AttentionProblem Problem = AttentionProblem.Of(1, 2, 8, 8, 40);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, int> BackendsAndDims()
    {
        var data = new TheoryData<string, int>();
        foreach (string name in TestDispatchers.Names)
        {
            foreach (int dim in new[] { 1, 40, 80, 160, 512 })
            {
                data.Add(name, dim);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(BackendsAndDims))]
    public void Run_RightKernel_Passes(string backend, int dim)
    {
        foreach (AttentionDType dtype in Enum.GetValues<AttentionDType>())
        {
            AttentionProblem problem = Problem with { HeadDim = dim, ValueDim = dim, DType = dtype };
            Assert.Null(KernelSelfTest.Run(TestDispatchers.Create(backend), TorchMachine.Describe(), problem, CPU));
            Assert.Null(
                KernelSelfTest.Run(TestDispatchers.Create(backend), TorchMachine.Describe(), problem with { NeedsGradient = true }, CPU)
            );
        }
    }

    /// <summary>libtorch's CPU kernel differentiates by the logsumexp, which in float32 cannot hold log(11) beside -1e12. Its rules exclude
    /// that; under another name it is found.</summary>
    [Fact]
    public void Run_GradientsByTheLogSumExp_AreFound() =>
        Assert.Contains(
            "(gradients, large mask: ",
            KernelSelfTest.Run(
                new Renamed(new TorchFlashBackend(), "sliced"),
                TorchMachine.Describe(),
                Problem with
                {
                    NeedsGradient = true,
                },
                CPU
            ),
            StringComparison.Ordinal
        );

    /// <summary>The fault that managed-flash had: in whichever library it lives, the kernel is set aside before its first use, and the next
    /// backend's numbers are returned.</summary>
    [Theory]
    [InlineData(AttentionDType.Float32)]
    [InlineData(AttentionDType.Float16)]
    [InlineData(AttentionDType.BFloat16)]
    [InlineData(AttentionDType.Float64)]
    public void Run_KernelThatSubtractsARoundedMaximum_IsSetAside(AttentionDType dtype)
    {
        AttentionProblem problem = Problem with { DType = dtype };
        Assert.Contains(
            "(large mask: ",
            KernelSelfTest.Run(new RoundedMaximum("torch-flash"), TorchMachine.Describe(), problem, CPU),
            StringComparison.Ordinal
        );

        using var scope = NewDisposeScope();
        ScalarType type = Operands.TensorFacts.ScalarTypeOf(dtype);
        Tensor query = randn([1, 2, 8, 40], generator: new Generator(1)).to(type);
        var listener = new RecordingListener();
        var dispatcher = new AttentionDispatcher(
            new AttentionDispatcherOptions
            {
                Policy = Policy.Auto,
                SelfTest = SelfTestMode.Fresh,
                Listener = listener,
                Backends = [new RoundedMaximum("managed-flash"), new RoundedMaximum("torch-flash"), new SlicedBackend()],
            }
        );
        Tensor mask = full([8, 8], -1e12, type == ScalarType.Float16 ? float32 : type);
        Tensor result = dispatcher.Run(query, query, query, new() { Mask = mask });
        double error = (ReferenceAttention.Compute(query, query, query, new() { Mask = mask }) - result).abs().max().item<double>();
        Assert.True(error < 2e-2, $"{error}");
        Assert.Equal(["managed-flash", "torch-flash"], listener.Incidents.Select(incident => incident.Backend).Order());
        Assert.All(listener.Incidents, incident => Assert.Equal(FailureKind.WrongNumbers, incident.Kind));
        Assert.Equal("sliced", Assert.Single(dispatcher.Snapshot()).Backend);
    }

    [Fact]
    public void Require_TrainingAfterInference_IsTestedByItself()
    {
        var tests = new SelfTests(null);
        tests.Require(new TorchMathBackend(), TorchMachine.Describe(), Problem, CPU);
        tests.Require(new TorchMathBackend(), TorchMachine.Describe(), Problem with { NeedsGradient = true }, CPU);
        tests.Require(new TorchMathBackend(), TorchMachine.Describe(), Problem with { NeedsGradient = true }, CPU);
        Assert.Equal(2, tests.RunCount);
    }

    [Fact]
    public void Run_RightKernelsOfTheSimulatedGpu_Pass()
    {
        foreach (IAttentionBackend backend in SimulatedCudaTests.Backends(new SimulatedCuda()))
        {
            foreach (AttentionDType dtype in new[] { AttentionDType.Float16, AttentionDType.BFloat16, AttentionDType.Float32 })
            {
                AttentionProblem problem = Problem with { DType = dtype, Device = AttentionDevice.Cuda() };
                if (!(dtype == AttentionDType.Float32 && backend.Name is "torch-flash" or "torch-cudnn"))
                {
                    Assert.Null(KernelSelfTest.Run(backend, SimulatedCudaTests.Machine, problem, CPU));
                }
            }
        }
    }

    /// <summary>Kernels that are wrong in one respect only: each is found by the case that is for it.</summary>
    [Theory]
    [InlineData("causal")]
    [InlineData("masked")]
    [InlineData("decode")]
    [InlineData("several tiles")]
    public void Run_KernelThatIsWrongInOneRespect_IsFound(string respect)
    {
        string? failure = KernelSelfTest.Run(new WrongInOneRespect(respect), TorchMachine.Describe(), Problem, CPU);
        Assert.Contains($"({respect}: ", failure, StringComparison.Ordinal);
    }

    [Fact]
    public void FirstCall_GeneratorAutogradAndTensors_AreUndisturbed()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(1, 2, 8, 8).requires_grad_();
        Dispatcher().Run(query, query, query).Dispose(); // TorchScript keeps what it makes at its first use
        AttentionDispatcher fresh = Dispatcher();
        manual_seed(11);
        Tensor state = get_rng_state();
        long tensors = Tensor.TotalCount;

        Tensor result = fresh.Run(query, query, query);

        Assert.Equal(tensors + 1, Tensor.TotalCount);
        Assert.True(state.Equals(get_rng_state()));
        Assert.True(is_grad_enabled() && result.requires_grad);
        result.sum().backward();
        Assert.True(query.grad!.isfinite().all().item<bool>());
        using (no_grad())
        {
            Dispatcher().Run(query, query, query);
            Assert.False(is_grad_enabled());
        }
    }

    [Fact]
    public void Require_ConcurrentFirstCalls_TestOnce()
    {
        var tests = new SelfTests(null);
        var counting = new CountingBackend();
        var backend = new SelfTestedBackend(counting, tests, TorchMachine.Describe());
        Parallel.For(
            0,
            8,
            thread =>
            {
                using var scope = NewDisposeScope();
                Tensor query = randn(1, 2, 8, 40);
                for (int i = 0; i < 5; i++)
                {
                    backend.Run(Problem, new(query, query, query, null));
                }
            }
        );
        Assert.Equal(1, tests.RunCount);
        Assert.Equal(40 + SelfTestCase.All.Count(test => !test.IsTraining), counting.Calls); // the calls and the cases
        using var outer = NewDisposeScope();
        Tensor wide = randn(1, 2, 8, 80);
        backend.Run(Problem with { HeadDim = 80, ValueDim = 80 }, new(wide, wide, wide, null));
        Assert.Equal(2, tests.RunCount);
    }

    [Fact]
    public void Require_KernelThrowsInTheTest_FallsBackAsInACall()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(1, 2, 8, 8);
        var listener = new RecordingListener();
        var dispatcher = new AttentionDispatcher(
            new AttentionDispatcherOptions
            {
                Policy = Policy.Auto,
                SelfTest = SelfTestMode.On,
                Listener = listener,
                Backends =
                [
                    new ScriptedBackend(new TorchFlashBackend(), (_, _) => FallbackTests.Failure(FailureKind.NoKernel)),
                    new SlicedBackend(),
                ],
            }
        );
        dispatcher.Run(query, query, query);
        Assert.Equal(FailureKind.NoKernel, Assert.Single(listener.Incidents).Kind);
    }

    [Fact]
    public void Cache_Pass_IsRememberedAndFailureIsNot()
    {
        string path = _folder.File("sub/self-tests.txt");
        SelfTests first = Tests(path),
            second = Tests(path);
        first.Require(new TorchFlashBackend(), TorchMachine.Describe(), Problem, CPU);
        Assert.Throws<KernelWrongNumbersException>(() =>
            first.Require(new WrongInOneRespect("causal", "torch-math"), TorchMachine.Describe(), Problem, CPU)
        );
        second.Require(new TorchFlashBackend(), TorchMachine.Describe(), Problem, CPU);
        second.Require(new TorchMathBackend(), TorchMachine.Describe(), Problem, CPU);
        Assert.Equal((2, 1), (first.RunCount, second.RunCount));
        Assert.Equal([.. new[] { "sub" }], Directory.GetDirectories(_folder.Path).Select(Path.GetFileName));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!)); // no temporary file is left
    }

    [Theory]
    [InlineData("")]
    [InlineData("something else\nend\n")]
    [InlineData("LatentSync attention self-tests, format 2: other\ntorch-flash cpu f32 64\nend\n")]
    [InlineData("LatentSync attention self-tests, format 1: this\ntorch-flash cpu f32 64\nend\n")]
    [InlineData("LatentSync attention self-tests, format 2: this\ntorch-flash cpu f32 64\n")]
    [InlineData("LatentSync attention self-tests, format 2: this\ntorch-flash cpu f32 6")]
    public void Cache_DamagedOrForeign_IsIgnoredAndReplaced(string content)
    {
        string path = _folder.File("self-tests.txt");
        File.WriteAllText(path, content);
        SelfTests tests = Tests(path),
            after = Tests(path);
        tests.Require(new TorchFlashBackend(), TorchMachine.Describe(), Problem, CPU);
        after.Require(new TorchFlashBackend(), TorchMachine.Describe(), Problem, CPU);
        Assert.Equal((1, 0), (tests.RunCount, after.RunCount));
    }

    [Fact]
    public void Cache_OversizedOrUnwritable_IsDoneWithout()
    {
        string path = _folder.File("self-tests.txt");
        File.WriteAllText(
            path,
            "LatentSync attention self-tests, format 2: this\n" + new string('x', 100_000) + "\ntorch-flash cpu f32 64\nend\n"
        );
        SelfTests tests = Tests(path);
        tests.Require(new TorchFlashBackend(), TorchMachine.Describe(), Problem, CPU);
        Assert.Equal(1, tests.RunCount);
        Assert.True(new FileInfo(path).Length < 1000);

        SelfTests without = Tests(Path.Combine(path, "below-a-file", "self-tests.txt"));
        without.Require(new TorchFlashBackend(), TorchMachine.Describe(), Problem, CPU);
        Assert.Equal(1, without.RunCount);
    }

    [Fact]
    public void Settings_Mode_IsReadAndBadTextNamesTheVariable()
    {
        Assert.Equal(SelfTestMode.On, AttentionSettings.ParseSelfTest(null));
        Assert.Equal(SelfTestMode.Off, AttentionSettings.ParseSelfTest(" OFF "));
        Assert.Equal(SelfTestMode.Fresh, AttentionSettings.ParseSelfTest("fresh"));
        Assert.Contains(
            "LATENTSYNC_SELF_TEST",
            Assert.Throws<FormatException>(() => AttentionSettings.ParseSelfTest("maybe")).Message,
            StringComparison.Ordinal
        );
    }

    private static SelfTests Tests(string path) => new(new SelfTestCache(path, "this"));

    private static AttentionDispatcher Dispatcher() =>
        new(
            new AttentionDispatcherOptions
            {
                Policy = Policy.Auto,
                SelfTest = SelfTestMode.On,
                Backends = [new TorchFlashBackend(), new TorchMathBackend(), new SlicedBackend()],
            }
        );

    /// <summary>The right result but for one kind of problem.</summary>
    private sealed class WrongInOneRespect(string respect, string name = "torch-flash") : IAttentionBackend
    {
        private readonly TorchFlashBackend _flash = new();

        public string Name => name;

        public AttentionResult Run(in AttentionProblem problem, Operands.AttentionInputs inputs)
        {
            bool isWrong = respect switch
            {
                "causal" => problem.IsCausal,
                "masked" => problem.Mask.Kind != AttentionMaskKind.None,
                "decode" => problem.QueryLength == 1 && problem.KeyLength > 2,
                _ => problem.QueryLength > 64,
            };
            Tensor result = _flash.Run(problem, inputs).Output;
            return isWrong ? result.mul_(1.3) : result;
        }
    }

    private sealed class Renamed(IAttentionBackend inner, string name) : IAttentionBackend
    {
        public string Name => name;

        public AttentionResult Run(in AttentionProblem problem, Operands.AttentionInputs inputs) => inner.Run(problem, inputs);
    }

    private sealed class CountingBackend : IAttentionBackend
    {
        private readonly TorchFlashBackend _flash = new();
        private int _calls;

        public int Calls => _calls;

        public string Name => _flash.Name;

        public AttentionResult Run(in AttentionProblem problem, Operands.AttentionInputs inputs)
        {
            Interlocked.Increment(ref _calls);
            return _flash.Run(problem, inputs);
        }
    }
}
