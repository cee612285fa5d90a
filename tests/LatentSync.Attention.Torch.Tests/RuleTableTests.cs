using System.Globalization;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>Our rules against libtorch's own verdict, on random problems.</summary>
[Trait("Category", "Exhaustive")]
public sealed class RuleTableTests
{
    private const int Problems = 4000;
    private const int Seed = 20260522;

    /// <summary>What libtorch would choose is foretold by the same rules that judge our backends, on problems as they are: strided, of any
    /// rank, with masks of any shape, shared key heads, dropout, gradients, empty sides, other value dims.</summary>
    [Fact]
    public void LibTorchSelector_RandomCpuProblems_ForetellsLibtorch()
    {
        var random = new Random(Seed);
        var dispatcher = new AttentionDispatcher(new AttentionDispatcherOptions { Policy = Policy.Auto });
        var chosen = new Dictionary<LibTorchChoice, int>();
        var codes = new HashSet<string>();
        for (int i = 0; i < Problems; i++)
        {
            using var scope = NewDisposeScope();
            var (query, key, value, arguments) = Draw(random);
            AttentionProblem problem = AttentionDispatcher.Describe(query, key, value, arguments);
            LibTorchChoice? ours = LibTorchSelector.Predict(problem, dispatcher.Machine);
            IReadOnlyList<string> refusals = LibTorchSelector.Refusals(LibTorchChoice.Flash, problem, dispatcher.Machine);
            codes.UnionWith(refusals);

            LibTorchChoice theirs = LibTorchVerdict.Ask(
                query,
                key,
                value,
                arguments.Mask,
                arguments.Dropout,
                arguments.IsCausal,
                enableGqa: problem.IsGrouped
            );

            Assert.True(
                ours == theirs,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"seed {Seed}, problem {i}: libtorch {theirs}, we {ours} ({string.Join(" ", refusals)}): {problem.Describe()}, mask {problem.Mask}, strided {problem.Strided}, broadcast {problem.BroadcastsBatch}"
                )
            );
            // Our own backend never runs as it is what libtorch would refuse: there is a reason or a repair.
            Verdict verdict = dispatcher.Explain(problem).VerdictOf("torch-flash")!;
            Assert.True(theirs == LibTorchChoice.Flash || verdict.Reasons.Count + verdict.Repairs.Count > 0, $"seed {Seed}, problem {i}");
            chosen[theirs] = chosen.GetValueOrDefault(theirs) + 1;
        }
        // The generator must not have missed a side, nor a rule.
        Assert.InRange(chosen[LibTorchChoice.Flash], Problems / 5, Problems);
        Assert.InRange(chosen[LibTorchChoice.Math], Problems / 5, Problems);
        Assert.Equal(["ATT0201", "ATT0202", "ATT0203", "ATT0204", "ATT0205", "ATT0206", "ATT0207", "ATT0208"], codes.Order());
    }

    /// <summary>Element types that attention has no meaning for are refused before any rule is asked; libtorch has no fused kernel for them
    /// either.</summary>
    [Theory]
    [InlineData(ScalarType.Int8)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Bool)]
    [InlineData(ScalarType.ComplexFloat32)]
    public void Describe_OtherElementTypes_AreNoAttentionProblem(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        Tensor operand = ones(1, 2, 4, 8, dtype: dtype);
        Assert.Throws<ArgumentException>(() => AttentionDispatcher.Describe(operand, operand, operand, new AttentionArguments()));
        Assert.Equal(LibTorchChoice.Math, LibTorchVerdict.Ask(operand, operand, operand));
    }

    [Fact]
    public void EveryRunnableBackend_RandomCpuProblems_EqualsFloat64()
    {
        var random = new Random(7);
        for (int i = 0; i < 300; i++)
        {
            using var scope = NewDisposeScope();
            var (query, key, value, arguments) = Draw(random);
            arguments = arguments with { Dropout = 0 };
            double error = 0,
                tolerance = query.dtype switch
                {
                    ScalarType.Float64 => 1e-11,
                    ScalarType.Float32 => 3e-5,
                    ScalarType.Float16 => 1e-2,
                    _ => 1e-1,
                };
            Tensor expected = ReferenceAttention.Compute(query, key, value, arguments);
            foreach (string name in TestDispatchers.Names)
            {
                AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(name));
                AttentionProblem problem = AttentionDispatcher.Describe(query, key, value, arguments);
                if (dispatcher.Explain(problem).Chosen is null)
                {
                    continue;
                }
                Tensor actual = dispatcher.Run(query, key, value, arguments).detach().to(float64);
                error =
                    expected.numel() == 0 ? 0 : (expected.detach() - actual).abs().nan_to_num(double.PositiveInfinity).max().item<double>();
                Assert.True(
                    error <= tolerance,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"problem {i} of seed 7, {name}: error {error:E3}: {problem.Describe()}, mask {problem.Mask}, strided {problem.Strided}"
                    )
                );
            }
        }
    }

    private static (Tensor Query, Tensor Key, Tensor Value, AttentionArguments Arguments) Draw(Random random)
    {
        int[] lengths = [1, 2, 5, 16, 33],
            dims = [1, 3, 8, 24, 40];
        int b = Chance(40) ? 0 : random.Next(1, 4),
            kv = random.Next(1, 4),
            group = Chance(4) ? 2 : 1,
            h = kv * group;
        int lq = Chance(20) ? 0 : lengths[random.Next(lengths.Length)],
            lk = Chance(20) ? 0
            : Chance(3) ? lq
            : lengths[random.Next(lengths.Length)];
        int d = dims[random.Next(dims.Length)],
            dv = Chance(8) ? dims[random.Next(dims.Length)] : d;
        ScalarType dtype = random.Next(4) switch
        {
            0 => ScalarType.Float64,
            1 => ScalarType.Float16,
            2 => ScalarType.BFloat16,
            _ => ScalarType.Float32,
        };
        bool permuted = Chance(3);
        int kb = group == 1 && Chance(12) ? 1 : b;
        var generator = new Generator((ulong)random.Next());
        Tensor query = Operand(b, h, lq, d),
            key = Operand(kb, kv, lk, d),
            value = Operand(kb, kv, lk, dv);
        if (Chance(12))
        {
            key = key.transpose(2, 3).contiguous().transpose(2, 3);
        }
        if (Chance(25))
        {
            query = query.transpose(2, 3).contiguous().transpose(2, 3);
        }
        if (Chance(10))
        {
            query.requires_grad_();
        }
        if (Chance(20))
        {
            value.requires_grad_();
        }
        int rank = kb == b && b > 0 && Chance(10) ? 3 : 4;
        if (rank == 3)
        {
            b = 1;
            (query, key, value) = (query[0], key[0], value[0]);
        }
        Tensor? mask = Chance(2) ? null : Mask();
        // libtorch refuses dropout, a mask and causal only past its choice; our callers may combine them.
        return (
            query,
            key,
            value,
            new AttentionArguments
            {
                Mask = mask,
                IsCausal = Chance(4),
                Dropout = Chance(15) ? 0.25 : 0,
            }
        );

        bool Chance(int oneIn) => random.Next(oneIn) == 0;

        Tensor Operand(int batch, int heads, int length, int dim) =>
            (
                permuted
                    ? randn([batch, length, heads, dim], generator: generator).transpose(1, 2)
                    : randn([batch, heads, length, dim], generator: generator)
            ).to(dtype);

        Tensor Mask()
        {
            long[] full = [b, h, lq, lk];
            int maskRank = random.Next(4) switch
            {
                0 => 3,
                1 => 2,
                _ => 4,
            };
            long[] sizes = [.. full[^maskRank..].Select(size => Chance(4) ? 1 : size)];
            Tensor visible = rand(sizes, generator: generator).gt(0.3);
            if (Chance(2))
            {
                return visible;
            }
            Tensor bias = randn(sizes, generator: generator).masked_fill(visible.logical_not(), double.NegativeInfinity);
            bias = dtype != ScalarType.Float64 && Chance(3) ? bias : bias.to(dtype);
            return Chance(8) ? bias.requires_grad_() : bias;
        }
    }
}
