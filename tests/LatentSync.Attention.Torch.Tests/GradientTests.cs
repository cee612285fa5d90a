using System.Globalization;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>Gradients of every backend against float64.</summary>
[Trait("Category", "Exhaustive")]
public sealed class GradientTests
{
    public static TheoryData<string, string> EveryCase()
    {
        string[] cases =
        [
            "one of everything",
            "primes",
            "unet 40",
            "permuted",
            "strided keys",
            "no keys",
            "value shorter",
            "value longer",
            "grouped",
            "multi-query permuted",
            "grouped masked",
            "bool 2d",
            "bool 3d",
            "float 2d",
            "float per head",
            "float and causal",
            "bool and causal",
            "causal more queries",
            "bottom-right more keys",
            "bottom-right more queries",
            "window left causal",
            "window beyond the keys",
            "softcap",
            "scale",
            "key batch one",
            "rank 3",
            "rank 5",
        ];
        var data = new TheoryData<string, string>();
        foreach (string backend in TestDispatchers.Names)
        {
            foreach (string name in cases)
            {
                data.Add(backend, name);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(EveryCase))]
    public void Backward_AwkwardShape_EqualsFloat64(string backendName, string caseName)
    {
        using var scope = NewDisposeScope();
        AttentionCase shape = AttentionCase.All.Single(candidate => candidate.Name == caseName);
        var (query, key, value, arguments) = shape.Make(ScalarType.Float32);
        AssertGradients(backendName, query, key, value, arguments, maskNeedsGradient: false);
    }

    [Theory]
    [InlineData("managed-flash")]
    [InlineData("sliced")]
    public void Backward_Again_KeepsNoTensorInTheCallersScope(string backendName)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor query = randn([2, 3, 17, 16]).requires_grad_(),
            outputGradient = randn([2, 3, 17, 16]);
        int before = scope.DisposablesCount;
        for (int i = 0; i < 3; i++)
        {
            using Tensor output = TestDispatchers.Requiring(TestDispatchers.Create(backendName)).Run(query, query, query);
            using Tensor gradient = autograd.grad([output], [query], [outputGradient])[0];
            Assert.Equal([2, 3, 17, 16], gradient.shape);
        }
        Assert.Equal(before, scope.DisposablesCount);
    }

    [Theory]
    [InlineData("torch-math")]
    [InlineData("sliced")]
    [InlineData("sliced in 4 KiB")]
    public void Backward_MaskThatNeedsGradient_EqualsFloat64(string backendName)
    {
        using var scope = NewDisposeScope();
        foreach (long[] sizes in new long[][] { [17, 29], [2, 3, 17, 29], [1, 3, 1, 29], [17, 1] })
        {
            Tensor query = randn([2, 3, 17, 16], generator: new Generator(1)),
                key = randn([2, 3, 29, 16], generator: new Generator(2));
            Tensor mask = randn(sizes, generator: new Generator(3));
            AssertGradients(backendName, query, key, key.neg(), new AttentionArguments { Mask = mask }, maskNeedsGradient: true);
        }
    }

    [Theory]
    [InlineData("managed-flash")]
    [InlineData("torch-flash")]
    [InlineData("torch-math")]
    [InlineData("sliced")]
    public void Run_UnderNoGrad_ResultNeedsNoGradient(string backendName)
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(1, 1, 4, 8).requires_grad_();
        using (no_grad())
        {
            Assert.False(TestDispatchers.Requiring(TestDispatchers.Create(backendName)).Run(query, query, query).requires_grad);
        }
        Assert.True(TestDispatchers.Requiring(TestDispatchers.Create(backendName)).Run(query, query, query).requires_grad);
    }

    private static void AssertGradients(
        string backendName,
        Tensor query,
        Tensor key,
        Tensor value,
        AttentionArguments arguments,
        bool maskNeedsGradient
    )
    {
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        Tensor[] leaves = Leaves(query, key, value, maskNeedsGradient ? arguments.Mask : null, ScalarType.Float32);
        AttentionArguments own = maskNeedsGradient ? arguments with { Mask = leaves[3] } : arguments;
        var plan = dispatcher.Explain(AttentionDispatcher.Describe(leaves[0], leaves[1], leaves[2], own));
        Assert.SkipWhen(plan.Chosen is null, $"{backendName} does not run it");
        Tensor[] exact = Leaves(query, key, value, maskNeedsGradient ? arguments.Mask : null, ScalarType.Float64);
        Tensor expected = ReferenceAttention.Compute(
            exact[0],
            exact[1],
            exact[2],
            maskNeedsGradient ? arguments with { Mask = exact[3] } : arguments
        );
        Tensor cotangent = randn(expected.shape, dtype: ScalarType.Float64, generator: new Generator(9));

        Tensor actual = dispatcher.Run(leaves[0], leaves[1], leaves[2], own);
        actual.backward([cotangent.to(ScalarType.Float32)]);
        expected.backward([cotangent]);

        for (int i = 0; i < leaves.Length; i++)
        {
            Tensor want = exact[i].grad ?? zeros_like(exact[i]),
                have = leaves[i].grad!.to(ScalarType.Float64);
            if (want.numel() == 0)
            {
                continue;
            }
            // Gradients add up to a few hundred products of float32 numbers around 1: relative to the largest, 2^-24 times 300.
            double error = (want - have).abs().nan_to_num(double.PositiveInfinity).max().item<double>();
            double tolerance = 2e-5 * Math.Max(1, want.abs().max().item<double>());
            Assert.True(error <= tolerance, string.Create(CultureInfo.InvariantCulture, $"gradient {i} (q, k, v, mask): error {error:E3}"));
        }
    }

    private static Tensor[] Leaves(Tensor query, Tensor key, Tensor value, Tensor? mask, ScalarType dtype)
    {
        Tensor[] tensors = mask is null ? [query, key, value] : [query, key, value, mask];
        return [.. tensors.Select(tensor => tensor.detach().to(dtype).requires_grad_())];
    }
}
