using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>NaN and infinity in keys and values: a query that does not see them is not touched, in its result and in its gradient; one that
/// sees them gets what the plain evaluation gives.</summary>
[Trait("Category", "Exhaustive")]
public sealed class HiddenNumbersTests
{
    private const int Queries = 11,
        Keys = 14;
    private static readonly double[] Odd = [double.NaN, double.PositiveInfinity, double.NegativeInfinity];

    public static TheoryData<string, string> EveryBackendAndWayToHide()
    {
        var data = new TheoryData<string, string>();
        foreach (string backend in TestDispatchers.Names)
        {
            foreach (
                string way in new[]
                {
                    "bool padding",
                    "float padding",
                    "bool rows",
                    "float rows",
                    "causal",
                    "bottom-right",
                    "window",
                    "causal and padding",
                    "mask per head",
                }
            )
            {
                data.Add(backend, way);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(EveryBackendAndWayToHide))]
    public void Run_OddNumbersInHiddenKeys_AreNotSeen(string backendName, string way)
    {
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        AssertUntouched(dispatcher, way, ScalarType.Float32, isKeyOdd: true);
        AssertUntouched(dispatcher, way, ScalarType.Float32, isKeyOdd: false);
        AssertUntouched(dispatcher, way, ScalarType.BFloat16, isKeyOdd: false);
        AssertUntouched(dispatcher, way, ScalarType.Float16, isKeyOdd: true);
        AssertUntouched(dispatcher, way, ScalarType.Float64, isKeyOdd: false);
    }

    [Theory]
    [MemberData(nameof(EveryBackendAndWayToHide))]
    public void Backward_OddNumbersInHiddenKeys_AreNotSeen(string backendName, string way)
    {
        using var scope = NewDisposeScope();
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        (Tensor query, Tensor key, Tensor value, AttentionArguments arguments, bool[,,] sees) = Make(way, ScalarType.Float32);
        int[] hidden = [.. Enumerable.Range(0, Keys).Where(j => !Any(sees, j))];
        Assert.SkipWhen(hidden.Length == 0, "every key is seen by a query");
        Assert.SkipWhen(
            backendName.StartsWith("torch-flash", StringComparison.Ordinal) && way.StartsWith("float", StringComparison.Ordinal),
            "ATT0217: no additive mask in training"
        );
        Tensor cotangent = randn([2, 4, Queries, 8], generator: new Generator(5));
        Tensor[] expected = Gradients(query, key, value);

        foreach (bool isKeyOdd in new[] { true, false })
        {
            Tensor[] actual = Gradients(query, isKeyOdd ? Poisoned(key, hidden) : key, isKeyOdd ? value : Poisoned(value, hidden));
            for (int i = 0; i < 3; i++)
            {
                double error = (expected[i] - actual[i]).abs().nan_to_num(double.PositiveInfinity).max().item<float>();
                Assert.True(error < 1e-5, FormattableString.Invariant($"gradient {i}, odd {(isKeyOdd ? "keys" : "values")}: {error}"));
            }
        }

        Tensor[] Gradients(params Tensor[] operands)
        {
            Tensor[] leaves = [.. operands.Select(operand => operand.detach().requires_grad_())];
            dispatcher.Run(leaves[0], leaves[1], leaves[2], arguments).backward([cotangent]);
            return [.. leaves.Select(leaf => leaf.grad!)];
        }
    }

    [Theory]
    [InlineData("torch-flash")]
    [InlineData("torch-math")]
    [InlineData("sliced")]
    [InlineData("managed-flash")]
    public void Run_NaNInKeysThatSomeSee_OthersAreTouchedInNoGradient(string backendName)
    {
        using var scope = NewDisposeScope();
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        (Tensor query, Tensor key, Tensor value, AttentionArguments arguments, _) = Make("causal", ScalarType.Float32);
        Tensor odd = Poisoned(key, [6]);
        Tensor clean = query.detach().requires_grad_(),
            leaf = query.detach().requires_grad_();
        dispatcher.Run(clean, key, value, arguments).sum().backward();
        dispatcher.Run(leaf, odd, value, arguments).sum().backward();
        Tensor difference = (clean.grad! - leaf.grad!).abs().narrow(2, 0, 6);
        Assert.True(difference.nan_to_num(double.PositiveInfinity).max().item<float>() < 1e-5);
    }

    [Fact]
    public void Reference_OddNumbersInHiddenKeys_AreNotSeen()
    {
        using var scope = NewDisposeScope();
        foreach (string way in new[] { "bool padding", "float rows", "causal", "window" })
        {
            (Tensor query, Tensor key, Tensor value, AttentionArguments arguments, bool[,,] sees) = Make(way, ScalarType.Float32);
            Tensor expected = ReferenceAttention.Compute(query, key, value, arguments);
            foreach (bool isKeyOdd in new[] { true, false })
            {
                Tensor actual = ReferenceAttention.Compute(
                    query,
                    isKeyOdd ? Poisoned(key, [6, 13]) : key,
                    isKeyOdd ? value : Poisoned(value, [6, 13]),
                    arguments
                );
                AssertRows(expected, actual, sees, [6, 13], 1e-12);
            }
        }
    }

    [Fact]
    public void Run_OddNumbersOnTheSimulatedGpu_NeverReachAKernel()
    {
        using var scope = NewDisposeScope();
        var device = new SimulatedCuda();
        foreach (IAttentionBackend backend in SimulatedCudaTests.Backends(device))
        {
            foreach (string way in new[] { "bool padding", "float rows", "causal", "window", "mask per head" })
            {
                (Tensor query, Tensor key, Tensor value, AttentionArguments arguments, bool[,,] sees) = Make(way, ScalarType.Float16);
                AttentionProblem problem = AttentionDispatcher.Describe(query, key, value, arguments) with
                {
                    Device = AttentionDevice.Cuda(),
                };
                if (backend.Name == "torch-flash" && (arguments.Mask is not null || problem.HasWindow || Queries != Keys))
                {
                    continue; // excluded by its rules
                }
                Tensor expected = ReferenceAttention.Compute(query, key, value, arguments);
                Tensor actual = backend
                    .Run(problem, OperandForm.Normalize(problem, query, Poisoned(key, [6, 13]), Poisoned(value, [2, 13]), arguments.Mask))
                    .Output;
                AssertRows(expected, actual, sees, [2, 6, 13], 2e-3);
            }
        }
    }

    private static void AssertUntouched(AttentionDispatcher dispatcher, string way, ScalarType dtype, bool isKeyOdd)
    {
        using var scope = NewDisposeScope();
        (Tensor query, Tensor key, Tensor value, AttentionArguments arguments, bool[,,] sees) = Make(way, dtype);
        int[] odd = way == "bottom-right" ? [7, 10, 13] : [2, 6, 13]; // the first query sees the first four keys there
        Tensor expected = dispatcher.Run(query, key, value, arguments);
        Tensor actual = dispatcher.Run(query, isKeyOdd ? Poisoned(key, odd) : key, isKeyOdd ? value : Poisoned(value, odd), arguments);
        AssertRows(
            expected,
            actual,
            sees,
            odd,
            dtype switch
            {
                ScalarType.Float32 => 1e-5,
                ScalarType.Float64 => 1e-13,
                ScalarType.Float16 => 4e-3,
                _ => 3e-2,
            }
        );
    }

    private static void AssertRows(Tensor expected, Tensor actual, bool[,,] sees, int[] odd, double tolerance)
    {
        Tensor difference = (expected.to(float64) - actual.to(float64)).abs().nan_to_num(double.PositiveInfinity).amax([-1]);
        int untouched = 0;
        for (int h = 0; h < 4; h++)
        {
            for (int i = 0; i < Queries; i++)
            {
                if (!odd.Any(j => sees[h, i, j]))
                {
                    double error = difference.select(1, h).select(1, i).max().item<double>();
                    Assert.True(error <= tolerance, FormattableString.Invariant($"head {h}, query {i}: {error}"));
                    untouched++;
                }
                else if (sees[h, i, odd[0]])
                {
                    Assert.False(actual.select(1, h).select(1, i).isfinite().all().item<bool>(), $"query {i} sees NaN");
                }
            }
        }
        Assert.NotEqual(0, untouched);
    }

    /// <summary>Some positions hold NaN, the next ∞, the next -∞, in one element or in all.</summary>
    private static Tensor Poisoned(Tensor tensor, int[] positions)
    {
        Tensor result = tensor.detach().clone();
        for (int i = 0; i < positions.Length; i++)
        {
            Tensor row = result.select(2, positions[i]);
            (i % 2 == 0 ? row : row.narrow(-1, 1, 1)).fill_(Odd[i % Odd.Length]);
        }
        return result;
    }

    private static bool Any(bool[,,] sees, int key) =>
        Enumerable.Range(0, 4).Any(h => Enumerable.Range(0, Queries).Any(i => sees[h, i, key]));

    private static (Tensor Query, Tensor Key, Tensor Value, AttentionArguments Arguments, bool[,,] Sees) Make(string way, ScalarType dtype)
    {
        var generator = new Generator(7);
        Tensor query = randn([2, 4, Queries, 8], generator: generator).to(dtype);
        Tensor key = randn([2, 2, Keys, 8], generator: generator).to(dtype),
            value = randn([2, 2, Keys, 8], generator: generator).to(dtype);
        AttentionArguments arguments = way switch
        {
            "causal" or "causal and padding" => new() { IsCausal = true },
            "bottom-right" => new() { IsCausal = true, CausalAlignment = CausalAlignment.BottomRight },
            "window" => new() { LeftWindow = 2, RightWindow = 1 },
            _ => default,
        };
        bool[,,] sees = new bool[4, Queries, Keys];
        bool[] mask = new bool[4 * Queries * Keys];
        for (int h = 0; h < 4; h++)
        {
            for (int i = 0; i < Queries; i++)
            {
                for (int j = 0; j < Keys; j++)
                {
                    int offset = way == "bottom-right" ? Keys - Queries : 0;
                    bool isMasked =
                        way.EndsWith("padding", StringComparison.Ordinal) ? j is 2 or 6 or 13
                        : way.EndsWith("rows", StringComparison.Ordinal) ? (i + j) % 3 == 0 || i == 4
                        : way == "mask per head" && (j == 13 || (h + j) % 2 == 0);
                    bool isBeyond = arguments.IsCausal && j > i + offset || way == "window" && (j < i - 2 || j > i + 1);
                    mask[(h * Queries + i) * Keys + j] = !isMasked;
                    sees[h, i, j] = !isMasked && !isBeyond;
                }
            }
        }
        if (way is "causal" or "bottom-right" or "window")
        {
            return (query, key, value, arguments, sees);
        }
        Tensor visible = tensor(mask, [1, 4, Queries, Keys]);
        visible = way == "mask per head" ? visible : visible.narrow(1, 0, 1);
        visible = way.EndsWith("padding", StringComparison.Ordinal) ? visible.narrow(2, 0, 1) : visible;
        Tensor given = way.StartsWith("float", StringComparison.Ordinal)
            ? zeros(visible.shape, dtype).masked_fill(visible.logical_not(), double.NegativeInfinity)
            : visible;
        return (query, key, value, arguments with { Mask = given }, sees);
    }
}
