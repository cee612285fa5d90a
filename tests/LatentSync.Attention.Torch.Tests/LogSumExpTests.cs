using System.Globalization;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>The logsumexp on request: every backend that gives one, against plain loops in float64.</summary>
public sealed class LogSumExpTests
{
    private static readonly string[] Backends = ["managed-flash", "torch-flash", "torch-flash split at 7", "sliced", "sliced in 4 KiB"];

    public static TheoryData<string, string, ScalarType> EveryCase()
    {
        var data = new TheoryData<string, string, ScalarType>();
        foreach (string backend in Backends)
        {
            foreach (AttentionCase shape in AttentionCase.All)
            {
                foreach (ScalarType dtype in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16 })
                {
                    data.Add(backend, shape.Name, dtype);
                }
            }
        }
        return data;
    }

    [Theory]
    [Trait("Category", "Exhaustive")]
    [MemberData(nameof(EveryCase))]
    public void RunWithLogSumExp_AwkwardShape_EqualsPlainLoops(string backendName, string caseName, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        AttentionCase shape = AttentionCase.All.Single(candidate => candidate.Name == caseName);
        var (query, key, value, arguments) = shape.Make(dtype);
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        AttentionProblem problem = AttentionDispatcher.Describe(query, key, value, arguments) with { NeedsLogSumExp = true };
        Plan plan = dispatcher.Explain(problem);
        Assert.SkipWhen(
            plan.Chosen is null,
            $"{backendName} does not run it: {string.Join(" ", plan.Verdicts.SelectMany(v => v.Reasons).Where(r => r.Code != "ATT0002" && r.Code != "ATT0107").Select(r => r.Code))}"
        );

        (Tensor output, Tensor logSumExp) = dispatcher.RunWithLogSumExp(query, key, value, arguments);

        Assert.Equal(query.shape[..^1], logSumExp.shape);
        Assert.Equal(dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32, logSumExp.dtype);
        Assert.True(logSumExp.device_type == query.device_type && !logSumExp.requires_grad);
        double[] expected = Expected(problem, query, key, value, arguments).LogSumExp;
        // Inputs are rounded alike on both sides; a score's error is that of D products, relative to the largest score.
        // libtorch's kernel for 16 bits takes exponentials of about 20 bits.
        double precision = dtype switch
        {
            ScalarType.Float64 => 1e-14,
            ScalarType.Float32 => 2e-6,
            _ => 2e-5,
        };
        double tolerance = precision * (5 + expected.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max());
        AssertClose(expected, LoopOracle.Doubles(logSumExp), tolerance);
        Tensor plain = dispatcher.Run(query, key, value, arguments);
        Assert.True(Same(plain, output), "the output must not depend on the logsumexp");
    }

    [Fact]
    public void ReferenceSteps_EveryCase_EqualPlainLoops()
    {
        foreach (AttentionCase shape in AttentionCase.All.Where(candidate => candidate.Rank == 4 && !candidate.HasKeyBatchOne))
        {
            using var scope = NewDisposeScope();
            var (query, key, value, arguments) = shape.Make(ScalarType.Float64);
            AttentionProblem problem = AttentionDispatcher.Describe(query, key, value, arguments);
            LoopOracle expected = Expected(problem, query, key, value, arguments);

            ReferenceSteps actual = ReferenceAttention.ComputeSteps(query, key, value, arguments);

            double tolerance = 1e-13 * shape.Magnitude;
            AssertClose(expected.Products, LoopOracle.Doubles(actual.Products), 10 * tolerance);
            AssertClose(expected.Capped, LoopOracle.Doubles(actual.Capped), 10 * tolerance);
            AssertClose(expected.Biased, LoopOracle.Doubles(actual.Biased), 10 * tolerance);
            AssertClose(expected.Weights, LoopOracle.Doubles(actual.Weights), 10 * tolerance);
            AssertClose(expected.LogSumExp, LoopOracle.Doubles(actual.LogSumExp), 10 * tolerance);
            AssertClose(expected.Output, LoopOracle.Doubles(actual.Output), 10 * tolerance);
        }
    }

    [Theory]
    [InlineData("managed-flash")]
    [InlineData("torch-flash")]
    [InlineData("sliced")]
    [InlineData("sliced in 4 KiB")]
    public void RunWithLogSumExp_FullyMaskedRow_IsNegativeInfinity(string backendName)
    {
        using var scope = NewDisposeScope();
        Tensor query = randn([2, 2, 6, 8], generator: new Generator(3)),
            key = randn([2, 2, 700, 8], generator: new Generator(4));
        Tensor seen = ones(6, 700, dtype: ScalarType.Bool);
        seen[3].fill_(false);
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        foreach (Tensor mask in new[] { seen, zeros(6, 700).masked_fill(seen.logical_not(), float.NegativeInfinity) })
        {
            (Tensor output, Tensor logSumExp) = dispatcher.RunWithLogSumExp(query, key, key, new() { Mask = mask });
            Assert.True(logSumExp[TensorIndex.Colon, TensorIndex.Colon, 3].eq(double.NegativeInfinity).all().item<bool>());
            Assert.Equal(4, logSumExp.isinf().sum().item<long>());
            Assert.Equal(0f, output[TensorIndex.Colon, TensorIndex.Colon, 3].abs().max().item<float>());
        }
    }

    [Theory]
    [InlineData("managed-flash")]
    [InlineData("torch-flash")]
    [InlineData("sliced")]
    [InlineData("sliced in 4 KiB")]
    public void RunWithLogSumExp_TwoHalvesOfTheKeys_JoinToTheWhole(string backendName)
    {
        using var scope = NewDisposeScope();
        Tensor query = randn([1, 3, 17, 8], generator: new Generator(5)),
            key = randn([1, 3, 60, 8], generator: new Generator(6));
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        (Tensor first, Tensor firstLog) = dispatcher.RunWithLogSumExp(query, key.narrow(2, 0, 21), key.narrow(2, 0, 21));
        (Tensor second, Tensor secondLog) = dispatcher.RunWithLogSumExp(query, key.narrow(2, 21, 39), key.narrow(2, 21, 39));

        Tensor share = sigmoid(firstLog - secondLog).unsqueeze(-1); // exp(a) / (exp(a) + exp(b))
        Tensor joined = first * share + second * (1 - share);

        Assert.True((joined - dispatcher.Run(query, key, key)).abs().max().item<float>() < 2e-6f);
    }

    [Theory]
    [InlineData("managed-flash")]
    [InlineData("torch-flash")]
    [InlineData("sliced")]
    [InlineData("sliced in 4 KiB")]
    public void RunWithLogSumExp_Training_GradientsAreThoseWithout(string backendName)
    {
        using var scope = NewDisposeScope();
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        Tensor query = randn([1, 4, 33, 8], generator: new Generator(7)).requires_grad_();
        Tensor key = randn([1, 2, 200, 8], generator: new Generator(8)).requires_grad_();
        var arguments = new AttentionArguments { IsCausal = true, CausalAlignment = CausalAlignment.BottomRight };
        dispatcher.Run(query, key, key, arguments).square().sum().backward();
        (Tensor queryGradient, Tensor keyGradient) = (query.grad!.clone(), key.grad!.clone());
        query.grad.zero_();
        key.grad.zero_();

        (Tensor output, Tensor logSumExp) = dispatcher.RunWithLogSumExp(query, key, key, arguments);
        output.square().sum().backward();

        Assert.False(logSumExp.requires_grad);
        Assert.True(Same(query.grad, queryGradient) && Same(key.grad, keyGradient));
        AttentionProblem problem = AttentionDispatcher.Describe(query, key, key, arguments);
        AssertClose(Expected(problem, query, key, key, arguments).LogSumExp, LoopOracle.Doubles(logSumExp), 2e-5);
    }

    [Theory]
    [InlineData("managed-flash")]
    [InlineData("torch-flash")]
    [InlineData("torch-flash split at 7")]
    [InlineData("sliced")]
    [InlineData("sliced in 4 KiB")]
    public void RunWithLogSumExp_Repeated_LeavesNoTensorBehind(string backendName)
    {
        using var scope = NewDisposeScope();
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        foreach (bool isTraining in new[] { false, true })
        {
            Tensor query = randn(2, 6, 9, 8).requires_grad_(isTraining),
                key = randn(2, 3, 200, 5),
                mask = rand(9, 200).gt(0.5);
            for (int step = 0; step < 3; step++)
            {
                long before = Tensor.TotalCount;
                (Tensor output, Tensor logSumExp) = dispatcher.RunWithLogSumExp(
                    query,
                    randn(2, 3, 200, 8),
                    key,
                    new() { Mask = mask, IsCausal = true }
                );
                output.Dispose();
                logSumExp.Dispose();
                Assert.InRange(Tensor.TotalCount, 0, before + 1); // the key
            }
        }
    }

    [Fact]
    public void RunWithLogSumExp_RequiringTorchMath_SaysThatItReturnsNone()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(1, 1, 3, 4);
        var refusal = Assert.Throws<AttentionUnavailableException>(() =>
            TestDispatchers.Requiring(new TorchMathBackend()).RunWithLogSumExp(query, query, query)
        );
        Assert.Contains("ATT0404", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ScaledDotProductAttentionWithLogSumExp_Default_EqualsThePlainCall()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn([2, 5, 4], generator: new Generator(9));
        (Tensor output, Tensor logSumExp) = TorchAttention.ScaledDotProductAttentionWithLogSumExp(
            query,
            query,
            query,
            isCausal: true,
            scale: 0.3
        );
        Tensor scores = matmul(query, query.transpose(1, 2))
            .mul(0.3)
            .masked_fill(ones(5, 5).triu(1).to(ScalarType.Bool), float.NegativeInfinity);
        Assert.Equal([2, 5], logSumExp.shape);
        Assert.True((logSumExp - scores.logsumexp(-1)).abs().max().item<float>() < 1e-5f);
        Assert.True(Same(TorchAttention.ScaledDotProductAttention(query, query, query, isCausal: true, scale: 0.3), output));
    }

    private static LoopOracle Expected(AttentionProblem problem, Tensor query, Tensor key, Tensor value, AttentionArguments arguments)
    {
        // (.., L, D) without batch or with more than one is the same row-major order; a key's batch of 1 is repeated.
        Tensor WithBatch(Tensor tensor) => problem.BroadcastsBatch ? tensor.expand(problem.Batch, -1, -1, -1) : tensor;
        Tensor? mask = arguments.Mask;
        if (mask is not null && problem.Rank > 4)
        {
            mask = mask.expand([.. query.shape[..^3], .. mask.shape[^3..]]).reshape([problem.Batch, .. mask.shape[^3..]]);
        }
        return LoopOracle.Attend(
            problem,
            LoopOracle.Doubles(query),
            LoopOracle.Doubles(WithBatch(key)),
            LoopOracle.Doubles(WithBatch(value)),
            problem.EffectiveScale,
            problem.Softcap,
            LoopOracle.Bias(arguments with { Mask = mask }, problem)
        );
    }

    private static bool Same(Tensor first, Tensor second) => first.numel() == 0 || first.eq(second).all().item<bool>();

    private static void AssertClose(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(
                expected[i].Equals(actual[i]) || Math.Abs(expected[i] - actual[i]) <= tolerance,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"[{i}] expected {expected[i]:R}, actual {actual[i]:R}, tolerance {tolerance:E2}"
                )
            );
        }
    }
}
