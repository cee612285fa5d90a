using System.Globalization;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>Scores, masks and values of every magnitude, drawn log-uniformly up to the largest number: every backend gives the softmax of
/// the scores in their own type.</summary>
/// <remarks>Queries and keys are small whole numbers times a power of two and the scale is a power of four, so that products and sums are
/// exact in whatever order a kernel forms them: at 1e10 a rounding of another order is a difference of 1024 between scores, and there would
/// be no right answer to compare with.</remarks>
[Trait("Category", "Exhaustive")]
public sealed class MagnitudeTests
{
    private const int Dim = 16;

    public static TheoryData<string, ScalarType> BackendsAndTypes()
    {
        var data = new TheoryData<string, ScalarType>();
        foreach (string backend in TestDispatchers.Names)
        {
            foreach (ScalarType dtype in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16, ScalarType.Float16 })
            {
                data.Add(backend, dtype);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(BackendsAndTypes))]
    public void Run_AnyMagnitude_IsTheSoftmaxOfTheScores(string backendName, ScalarType dtype)
    {
        var random = new Random(20261201);
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        for (int i = 0; i < 150; i++)
        {
            using var scope = NewDisposeScope();
            Drawn call = Draw(random, dtype, LargestExponent(dtype));
            Tensor expected = ReferenceAttention.Compute(call.Query, call.Key, call.Value, call.Arguments);
            Tensor actual = dispatcher.Run(call.Query, call.Key, call.Value, call.Arguments).to(float64);
            // A kernel that divides at the end sums values first: where the sum may overflow, it is not asked.
            double largest = call.Value.to(float64).abs().max().item<double>(),
                compute = dtype == ScalarType.Float64 ? double.MaxValue : float.MaxValue;
            if (largest > compute / (2 * call.Key.size(2)))
            {
                continue;
            }
            Assert.Equal(Count(expected.isnan()), Count(actual.isnan()));
            double error = (expected - actual).abs().nan_to_num(nan: 0, posinf: double.PositiveInfinity).max().item<double>();
            Assert.True(
                error <= Tolerance(dtype) * largest,
                string.Create(CultureInfo.InvariantCulture, $"{call} ({i}): {error:E3} of {largest:E3}")
            );
        }
    }

    /// <summary>torch-flash differentiates by the logsumexp, which cannot hold a sum beside a maximum of 1e8: its rules exclude float masks
    /// (ATT0217), scores of that size without a mask are a limit that is stated.</summary>
    [Theory]
    [InlineData("managed-flash")]
    [InlineData("torch-math")]
    [InlineData("sliced")]
    [InlineData("sliced in 4 KiB")]
    public void Backward_AnyMagnitude_IsTheGradientOfTheSoftmax(string backendName)
    {
        foreach (ScalarType dtype in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16 })
        {
            var random = new Random(3);
            AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
            for (int i = 0; i < 60; i++)
            {
                using var scope = NewDisposeScope();
                Drawn call = Draw(random, dtype, dtype == ScalarType.Float64 ? 200 : 25);
                Tensor cotangent = Whole(random, 1, call.Query.size(1), call.Query.size(2), call.Value.size(3));
                Tensor[] exact = Leaves(call, ScalarType.Float64),
                    leaves = Leaves(call, dtype);
                Tensor expected = ReferenceAttention.Compute(exact[0], exact[1], exact[2], call.Arguments, dtype);
                Tensor actual = dispatcher.Run(leaves[0], leaves[1], leaves[2], call.Arguments);
                if (!expected.isfinite().all().item<bool>())
                {
                    continue;
                }
                expected.backward([cotangent]);
                actual.backward([cotangent.to(dtype)]);
                // A score's gradient is a difference of products of weights, values and the output's gradient; it sums over rows or keys.
                double values =
                    Largest(exact[2]) * Largest(cotangent) * call.Value.size(3) * 4 * Math.Max(call.Key.size(2), call.Query.size(2));
                double[] sizes = [values * Largest(exact[1]), values * Largest(exact[0]), Largest(cotangent) * 4 * call.Query.size(2)];
                for (int k = 0; k < 3; k++)
                {
                    double error = (exact[k].grad! - leaves[k].grad!.to(float64))
                        .abs()
                        .nan_to_num(double.PositiveInfinity)
                        .max()
                        .item<double>();
                    Assert.True(
                        error <= Tolerance(dtype) * sizes[k],
                        string.Create(CultureInfo.InvariantCulture, $"{dtype}, gradient {k}, {call} ({i}): {error:E3} of {sizes[k]:E3}")
                    );
                }
            }
        }
    }

    /// <summary>A mask is added to the scores in their type, whatever its own: in float16, -1e9 would be -∞.</summary>
    [Theory]
    [MemberData(nameof(BackendsAndTypes))]
    public void Run_MaskOfAnotherType_IsAddedToTheScores(string backendName, ScalarType dtype)
    {
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        foreach (ScalarType type in new[] { ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64 })
        {
            using var scope = NewDisposeScope();
            Tensor query = randn([1, 2, 5, 8], generator: new Generator(1)).to(dtype),
                key = randn([1, 2, 9, 8], generator: new Generator(2)).to(dtype);
            double large = type == ScalarType.Float16 ? 60000 : 1e9;
            double[] rows = [-large, large, 1.00390625, -large, 0]; // the third is one and a half units of bfloat16 above 1
            Tensor mask = tensor(rows).view(5, 1).expand(5, 9).clone();
            mask[3, 4] = 0;
            mask[2, 4] = -7.3;
            mask[4, 2] = double.NegativeInfinity;
            mask = mask.to(type);
            Tensor expected = ReferenceAttention.Compute(query, key, key, new() { Mask = mask });
            Tensor actual = dispatcher.Run(query, key, key, new() { Mask = mask }).to(float64);
            double error = (expected - actual).abs().nan_to_num(double.PositiveInfinity).max().item<double>();
            Assert.True(error <= 10 * Tolerance(dtype), string.Create(CultureInfo.InvariantCulture, $"{type} mask: {error:E3}"));
        }
    }

    private static double Tolerance(ScalarType dtype) =>
        dtype switch
        {
            ScalarType.Float64 => 1e-13,
            ScalarType.Float32 => 2e-5,
            ScalarType.Float16 => 2e-3,
            _ => 1.6e-2,
        };

    /// <summary>Of a query's or key's element: their products stay finite in the type of the scores.</summary>
    private static int LargestExponent(ScalarType dtype) =>
        dtype switch
        {
            ScalarType.Float64 => 505,
            ScalarType.Float16 => 13,
            _ => 57,
        };

    private sealed record Drawn(Tensor Query, Tensor Key, Tensor Value, AttentionArguments Arguments, string Text)
    {
        public override string ToString() => Text;
    }

    private static Drawn Draw(Random random, ScalarType dtype, int largestExponent)
    {
        bool isDecode = random.Next(3) == 0;
        int group = random.Next(1, 3),
            queries = isDecode ? 1 : random.Next(2, 20),
            keys = isDecode ? random.Next(200, 300) : random.Next(1, 40);
        int e = random.Next(-3, largestExponent + 1),
            f = random.Next(-3, largestExponent + 1);
        Tensor query = Whole(random, 1, 2 * group, queries, Dim).mul(Math.Pow(2, e)).to(dtype);
        Tensor key = Whole(random, 1, 2, keys, Dim).mul(Math.Pow(2, f)).to(dtype);
        double finest =
            dtype == ScalarType.Float64 ? 1000
            : dtype == ScalarType.Float16 ? 15
            : largestExponent < 100 && largestExponent != 57 ? 2 * largestExponent
            : 126;
        double v = Math.Pow(2, random.NextDouble() * finest);
        Tensor value = tensor([.. Enumerable.Range(0, 2 * keys * 5).Select(_ => random.NextDouble() * 2 - 1)], [1, 2, keys, 5])
            .mul(v)
            .to(dtype);
        ScalarType maskType = dtype is ScalarType.Float32 or ScalarType.Float64 || random.Next(2) == 0 ? dtype : ScalarType.Float32;
        double most = maskType switch
        {
            ScalarType.Float64 => double.MaxValue,
            ScalarType.Float16 => 65504,
            ScalarType.BFloat16 => 3.3895313892515355e38,
            _ => float.MaxValue,
        };
        string kind = random.Next(5) switch
        {
            0 => "none",
            1 => "one number",
            2 => "least",
            3 => "rows",
            _ => "any",
        };
        double magnitude = Math.Exp(random.NextDouble() * Math.Log(most));
        double[] rows =
        [
            .. Enumerable.Range(0, queries).Select(_ => (random.Next(2) * 2 - 1) * Math.Exp(random.NextDouble() * Math.Log(most))),
        ];
        Tensor mask = tensor(
                [
                    .. Enumerable
                        .Range(0, queries * keys)
                        .Select(i =>
                            random.Next(6) == 0
                                ? double.NegativeInfinity
                                : kind switch
                                {
                                    "one number" => -magnitude,
                                    "least" => -most,
                                    "rows" => rows[i / keys],
                                    _ => (random.Next(2) * 2 - 1) * Math.Exp(random.NextDouble() * Math.Log(most)),
                                }
                        ),
                ],
                [queries, keys]
            )
            .to(maskType);
        var arguments = new AttentionArguments
        {
            Scale = random.Next(2) == 0 ? 0.25 : 1,
            Mask = kind == "none" ? null : mask,
            IsCausal = !isDecode && random.Next(4) == 0,
        };
        return new Drawn(
            query,
            key,
            value,
            arguments,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{queries} x {keys}, group {group}, 2^{e} 2^{f}, mask {kind} {maskType}, causal {arguments.IsCausal}, values {v:E1}"
            )
        );
    }

    private static Tensor Whole(Random random, long batch, long heads, long length, long dim) =>
        tensor(
            [.. Enumerable.Range(0, (int)(batch * heads * length * dim)).Select(_ => (double)random.Next(-2, 3))],
            [batch, heads, length, dim]
        );

    private static Tensor[] Leaves(Drawn call, ScalarType dtype) =>
        [.. new[] { call.Query, call.Key, call.Value }.Select(tensor => tensor.to(dtype).detach().requires_grad_())];

    private static double Largest(Tensor tensor) => tensor.detach().abs().max().item<double>();

    private static long Count(Tensor tensor) => tensor.sum().item<long>();
}
