using System.Globalization;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Backends;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>Every backend against float64, over shapes that break kernels, in every element type.</summary>
[Trait("Category", "Exhaustive")]
public sealed class BackendNumericsTests
{
    public static TheoryData<string, string, ScalarType> EveryCase()
    {
        var data = new TheoryData<string, string, ScalarType>();
        foreach (string backend in TestDispatchers.Names)
        {
            foreach (AttentionCase shape in AttentionCase.All)
            {
                foreach (ScalarType dtype in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16, ScalarType.Float16 })
                {
                    data.Add(backend, shape.Name, dtype);
                }
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(EveryCase))]
    public void Run_AwkwardShape_EqualsFloat64(string backendName, string caseName, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        AttentionCase shape = AttentionCase.All.Single(candidate => candidate.Name == caseName);
        var (query, key, value, arguments) = shape.Make(dtype);
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        Plan plan = dispatcher.Explain(AttentionDispatcher.Describe(query, key, value, arguments));
        Assert.SkipWhen(
            plan.Chosen is null,
            $"{backendName} does not run it: {string.Join(" ", plan.Verdicts.SelectMany(v => v.Reasons).Where(r => r.Code != "ATT0002" && r.Code != "ATT0107").Select(r => r.Code))}"
        );

        Tensor expected = ReferenceAttention.Compute(query, key, value, arguments);
        Tensor actual = dispatcher.Run(query, key, value, arguments);

        Assert.Equal(expected.shape, actual.shape);
        Assert.Equal(dtype, actual.dtype);
        AssertClose(shape, dtype, query, key, value, arguments.Scale, expected, actual);
        Assert.Equal(1, dispatcher.Snapshot().Single().Calls);
    }

    [Theory]
    [InlineData("managed-flash")]
    [InlineData("torch-flash")]
    [InlineData("torch-math")]
    [InlineData("sliced")]
    [InlineData("sliced in 4 KiB")]
    public void Run_FullyMaskedRow_IsExactlyZero(string backendName)
    {
        using var scope = NewDisposeScope();
        Tensor query = randn([2, 2, 6, 8], generator: new Generator(3)),
            key = randn([2, 2, 700, 8], generator: new Generator(4));
        Tensor hidden = ones(6, 700, dtype: ScalarType.Bool);
        hidden[3].fill_(false);
        Tensor bias = zeros(6, 700).masked_fill(hidden.logical_not(), float.NegativeInfinity);
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        foreach (Tensor mask in new[] { hidden, bias })
        {
            Tensor result = dispatcher.Run(query, key, key, new() { Mask = mask });
            Assert.Equal(0f, result[TensorIndex.Colon, TensorIndex.Colon, 3].abs().max().item<float>());
            Assert.True(result.isfinite().all().item<bool>());
            Assert.NotEqual(0f, result[TensorIndex.Colon, TensorIndex.Colon, 2].abs().max().item<float>());
        }
    }

    [Fact]
    public void Run_LengthFirstQuery_ResultFollowsItsOrder()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(2, 10, 3, 8).transpose(1, 2); // (B, H, L, D) over (B, L, H, D)
        foreach (string name in new[] { "managed-flash", "torch-flash", "sliced" })
        {
            Tensor result = TestDispatchers.Requiring(TestDispatchers.Create(name)).Run(query, query, query);
            Assert.True(result.transpose(1, 2).is_contiguous(), name);
        }
    }

    [Fact]
    public void Run_Dropout_KeepsTheMean()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        Tensor query = zeros(1, 1, 2000, 8),
            key = zeros(1, 1, 100, 8),
            value = ones(1, 1, 100, 8);
        foreach (string name in new[] { "managed-flash", "torch-math", "sliced", "sliced in 4 KiB" })
        {
            // A row is the mean of 100 draws of 0 or 1/(1 - 0.25): variance 0.25/0.75/100; 2000 rows: standard error 0.0013.
            Tensor result = TestDispatchers.Requiring(TestDispatchers.Create(name)).Run(query, key, value, new() { Dropout = 0.25 });
            Assert.InRange(result.mean().item<float>(), 1 - 5 * 0.0013f, 1 + 5 * 0.0013f);
            Assert.InRange(result[0, 0, TensorIndex.Colon, 0].var().item<float>(), 0.0028f, 0.0039f);
        }
    }

    [Fact]
    public void Run_Float64WithFloat32Mask_ConvertsTheMask()
    {
        using var scope = NewDisposeScope();
        Tensor query = randn([1, 2, 9, 8], generator: new Generator(3)).to(float64),
            mask = randn([9, 9], generator: new Generator(4));
        Tensor expected = ReferenceAttention.Compute(query, query, query, new() { Mask = mask });
        foreach (string name in TestDispatchers.Names)
        {
            Tensor actual = TestDispatchers.Requiring(TestDispatchers.Create(name)).Run(query, query, query, new() { Mask = mask });
            Assert.True((expected - actual).abs().max().item<double>() < 1e-13, name);
        }
    }

    /// <summary>The error of an element is bounded by that of its weights, times the largest value. A weight's relative error is the
    /// absolute
    /// error of its score: D products and sums in the compute type, random signs; with 16 bits, one more rounding each of weights and
    /// result.</summary>
    private static void AssertClose(
        AttentionCase shape,
        ScalarType dtype,
        Tensor query,
        Tensor key,
        Tensor value,
        double? scale,
        Tensor expected,
        Tensor actual
    )
    {
        if (expected.numel() == 0)
        {
            return;
        }
        double compute = dtype == ScalarType.Float64 ? Math.Pow(2, -53) : Math.Pow(2, -24);
        double storage = dtype switch
        {
            ScalarType.Float16 => Math.Pow(2, -11),
            ScalarType.BFloat16 => Math.Pow(2, -8),
            _ => compute,
        };
        double largestScore =
            key.numel() == 0
                ? 0
                : query.to(float64).norm(-1).max().item<double>()
                    * key.to(float64).norm(-1).max().item<double>()
                    * Math.Abs(scale ?? 1 / Math.Sqrt(shape.D));
        double largestValue = value.numel() == 0 ? 0 : value.to(float64).abs().max().item<double>();
        double tolerance = largestValue * (2 * storage + 4 * compute * (4 + largestScore)) + 1e-300;
        Tensor difference = (expected - actual.to(float64)).abs().nan_to_num(double.PositiveInfinity);
        double worst = difference.max().item<double>();
        long index = difference.argmax().item<long>();
        Assert.True(
            worst <= tolerance,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{shape} {dtype} seed 1: error {worst:E3} > {tolerance:E3} at {index}: expected {expected.flatten()[index].item<double>():R}, "
                    + $"actual {actual.to(float64).flatten()[index].item<double>():R}, {difference.gt(tolerance).sum().item<long>()} of {expected.numel()} differ"
            )
        );
    }
}
