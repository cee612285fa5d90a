using System.Globalization;
using LatentSync.Attention.Torch.Operators;
using LatentSync.Testing;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests.Operators;

/// <summary>Random problems (thousands under --all) of the ONNX operator, every feature with every other, on every backend, against plain
/// loops.</summary>
public sealed class OnnxAttentionPropertyTests
{
    public static TheoryData<string, int, int, int> Batches()
    {
        var data = new TheoryData<string, int, int, int>();
        foreach (string backend in new[] { "auto", "reference", "sliced", "sliced in 4 KiB", "managed-flash", "torch-flash", "torch-math" })
        {
            for (int i = 0; i < Sweep.Size(10, part: 2); i++)
            {
                data.Add(backend, 1000 + 150 * i, 150, 33);
            }
            data.Add(backend, 9000, Sweep.Size(40, part: 20), 129);
        }
        foreach (string backend in new[] { "auto", "sliced", "managed-flash", "torch-flash" })
        {
            data.Add(backend, 20_000, 12, 600);
        }
        return data;
    }

    [Theory]
    [Trait("Category", "Exhaustive")]
    [MemberData(nameof(Batches))]
    public void Compute_RandomProblems_EqualPlainLoops(string backendName, int firstSeed, int count, int most)
    {
        int computed = 0;
        for (int seed = firstSeed; seed < firstSeed + count; seed++)
        {
            using var scope = NewDisposeScope();
            var problem = new RandomOnnxCase(seed, most);
            const OnnxOptionalOutputs Everything = OnnxOptionalOutputs.Present | OnnxOptionalOutputs.Scores;
            OnnxAttentionOutputs outputs;
            try
            {
                outputs =
                    backendName == "reference"
                        ? OnnxAttention.ComputeReference(problem.Inputs, problem.Attributes, Everything)
                        : OnnxAttention.Compute(problem.Inputs, problem.Attributes, Everything, DispatcherOf(backendName));
            }
            catch (AttentionUnavailableException refusal)
                when (refusal.InnerException is null && backendName.StartsWith("torch-", StringComparison.Ordinal))
            {
                Assert.True(problem.Attributes.Softcap > 0 || problem.Rows == 0 || problem.Keys == 0, $"{problem}: {refusal.Message}");
                continue;
            }
            Check(problem, outputs);
            computed++;
        }
        Assert.True(computed > count / 2, $"only {computed} of {count} problems ran");
    }

    [Fact]
    public void Compute_DifferentValueType_UsesTheWiderOne()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn([2, 3, 5, 8], generator: new Generator(1)).to(float16),
            key = randn([2, 3, 7, 8], generator: new Generator(2)).to(float16);
        Tensor value = randn([2, 3, 7, 4], generator: new Generator(3));
        OnnxAttentionOutputs outputs = OnnxAttention.Compute(
            new OnnxAttentionInputs(query, key, value),
            wanted: OnnxOptionalOutputs.Present
        );
        Assert.Equal(ScalarType.Float16, outputs.Output.dtype);
        Assert.Equal(ScalarType.Float32, outputs.PresentValue!.dtype);
        Tensor expected = OnnxAttention.ComputeReference(new OnnxAttentionInputs(query, key, value)).Output;
        Assert.True((outputs.Output - expected).abs().max().to(float32).item<float>() <= 1e-3f);
    }

    [Fact]
    public void Compute_Repeated_LeavesNoTensorBehind()
    {
        using var scope = NewDisposeScope();
        foreach (int seed in Enumerable.Range(1000, 40))
        {
            var problem = new RandomOnnxCase(seed, 17);
            for (int step = 0; step < 2; step++)
            {
                long before = Tensor.TotalCount;
                using (NewDisposeScope())
                {
                    _ = OnnxAttention.Compute(problem.Inputs, problem.Attributes, OnnxOptionalOutputs.Present | OnnxOptionalOutputs.Scores);
                }
                Assert.True(Tensor.TotalCount <= before, $"{problem}: {Tensor.TotalCount - before} tensors left");
            }
        }
    }

    [Fact]
    public void Compute_SquareCausalAfterACache_NeedsNoMask()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(1, 2, 64, 8),
            past = randn(1, 2, 100, 8);
        AttentionDispatcher dispatcher = Requiring("torch-math");
        _ = OnnxAttention.Compute(
            new OnnxAttentionInputs(query, query, query)
            {
                PastKey = past,
                PastValue = past,
                KeyLengths = tensor(new long[] { 164 }),
            },
            new OnnxAttentionAttributes { IsCausal = true },
            dispatcher: dispatcher
        );
        Assert.Equal(1, dispatcher.Snapshot().Single().Calls);
    }

    [Fact]
    public void Compute_UnequalLengths_RunsEachSequenceWithItsOwnKeys()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(3, 2, 1, 8),
            keys = randn(3, 2, 50, 8);
        AttentionDispatcher dispatcher = Requiring("torch-flash");
        OnnxAttentionOutputs outputs = OnnxAttention.Compute(
            new OnnxAttentionInputs(query, keys, keys) { KeyLengths = tensor(new long[] { 50, 0, 7 }) },
            new OnnxAttentionAttributes { IsCausal = true },
            dispatcher: dispatcher
        );
        Assert.Equal(2, dispatcher.Snapshot().Single().Calls); // the second sequence has no key
        Assert.Equal(0f, outputs.Output[1].abs().max().item<float>());
        Tensor alone = dispatcher.Run(query[2..3], keys[2..3].narrow(2, 0, 7), keys[2..3].narrow(2, 0, 7));
        Assert.True((outputs.Output[2..3] - alone).abs().max().item<float>() < 1e-6f);
    }

    [Theory]
    [InlineData("the head counts", 3, 0, null)]
    [InlineData("finite", 4, 0, double.NaN)]
    [InlineData("Hq a multiple of Hk", 4, 1, null)]
    [InlineData("the cache", 4, 2, null)]
    [InlineData("both or neither", 4, 3, null)]
    [InlineData("broadcastable", 4, 4, null)]
    [InlineData("(B) integers", 4, 5, null)]
    public void Compute_InputsThatDoNotFit_IsAnArgumentExceptionThatSaysWhat(string part, int rank, int fault, double? scale)
    {
        using var scope = NewDisposeScope();
        Tensor query = rank == 3 ? zeros(2, 5, 8) : zeros(2, fault == 1 ? 3 : 4, 5, 8),
            key = rank == 3 ? query : zeros(2, 2, 7, 8);
        var inputs = new OnnxAttentionInputs(query, key, key)
        {
            PastKey = fault is 2 or 3 ? zeros(2, 2, 3, fault == 2 ? 9 : 8) : null,
            PastValue = fault == 2 ? zeros(2, 2, 3, 8) : null,
            Mask = fault == 4 ? zeros(5, 8) : null,
            KeyLengths = fault == 5 ? tensor(new long[] { 1 }) : null,
        };
        var exception = Assert.Throws<ArgumentException>(() =>
            OnnxAttention.Compute(inputs, new OnnxAttentionAttributes { Scale = scale })
        );
        Assert.Contains("required", exception.Message, StringComparison.Ordinal);
        Assert.True(
            exception.Message.Contains(part, StringComparison.Ordinal)
                || part is "the head counts" && exception.Message.Contains("q_num_heads", StringComparison.Ordinal)
                || part is "the cache" && exception.Message.Contains("cache", StringComparison.Ordinal),
            exception.Message
        );
    }

    private static AttentionDispatcher DispatcherOf(string name) =>
        name == "auto" ? new AttentionDispatcher(new AttentionDispatcherOptions { Policy = Rules.Policy.Auto }) : Requiring(name);

    private static AttentionDispatcher Requiring(string name) => TestDispatchers.Requiring(TestDispatchers.Create(name));

    private static void Check(RandomOnnxCase problem, OnnxAttentionOutputs outputs)
    {
        long[] shape = problem.Attributes.QueryHeadCount is null
            ? [problem.Batch, problem.Heads, problem.Rows, problem.ValueDim]
            : [problem.Batch, problem.Rows, (long)problem.Heads * problem.ValueDim];
        Assert.True(outputs.Output.shape.SequenceEqual(shape), problem.ToString());
        Assert.True(outputs.Output.dtype == problem.DType && outputs.Scores!.dtype == problem.DType, problem.ToString());
        Tensor output = problem.Attributes.QueryHeadCount is null
            ? outputs.Output
            : outputs.Output.view(problem.Batch, problem.Rows, problem.Heads, problem.ValueDim).transpose(1, 2);
        double storage = problem.DType switch
        {
            ScalarType.Float64 => 1e-12,
            ScalarType.Float32 => 1e-5,
            ScalarType.Float16 => 2e-3,
            _ => 1.6e-2,
        };
        AssertClose(problem, "Y", problem.Expected.Output, output, 2 * storage, 2 * storage);
        AssertClose(problem, $"scores {problem.Attributes.ScoreOutput}", problem.ExpectedScores, outputs.Scores, storage, storage);
        Assert.True(
            SameBits(outputs.PresentKey!, problem.AllKeys) && SameBits(outputs.PresentValue!, problem.AllValues),
            problem.ToString()
        );
    }

    private static bool SameBits(Tensor first, Tensor second) =>
        first.dtype == second.dtype
        && first.shape.SequenceEqual(second.shape)
        && (first.numel() == 0 || first.contiguous().bytes.SequenceEqual(second.contiguous().bytes));

    private static void AssertClose(RandomOnnxCase problem, string what, double[] expected, Tensor found, double atol, double rtol)
    {
        double[] actual = LoopOracle.Doubles(found);
        Assert.True(expected.Length == actual.Length, $"{what} has {actual.Length} elements, not {expected.Length}; {problem}");
        for (int i = 0; i < expected.Length; i++)
        {
            if (!expected[i].Equals(actual[i]) && !(Math.Abs(expected[i] - actual[i]) <= atol + rtol * Math.Abs(expected[i])))
            {
                Assert.Fail(
                    string.Create(CultureInfo.InvariantCulture, $"{what}[{i}] expected {expected[i]:R}, actual {actual[i]:R}; {problem}")
                );
            }
        }
    }
}
