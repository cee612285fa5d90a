using System.Globalization;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>The sliced backend where even a row block over all keys is too large: keys are cut, values and gradients stay exact, memory
/// stays bounded.</summary>
public sealed class SlicedKeysTests
{
    public static TheoryData<string, AttentionArguments, int> Features() =>
        new()
        {
            { "plain", default, 3 },
            { "grouped", default, 1 },
            {
                "causal",
                new AttentionArguments { IsCausal = true, CausalAlignment = CausalAlignment.BottomRight },
                3
            },
            {
                "more queries than keys see",
                new AttentionArguments { LeftWindow = 90, RightWindow = 30 },
                3
            },
            {
                "softcap",
                new AttentionArguments { Softcap = 1.5, Scale = 0.7 },
                1
            },
            { "mask", default, 1 },
            {
                "mask and softcap",
                new AttentionArguments
                {
                    Softcap = 2,
                    IsCausal = true,
                    CausalAlignment = CausalAlignment.BottomRight,
                },
                3
            },
        };

    [Theory]
    [MemberData(nameof(Features))]
    public void Backward_KeysCut_GradientsEqualThoseInFloat64(string name, AttentionArguments arguments, int kvHeads)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(21);
        Tensor query = randn([2, 3, 37, 8], generator: generator),
            key = randn([2, kvHeads, 333, 8], generator: generator);
        Tensor value = randn([2, kvHeads, 333, 5], generator: generator),
            weights = randn([2, 3, 37, 5], generator: generator);
        Tensor? mask = null;
        if (name.StartsWith("mask", StringComparison.Ordinal))
        {
            mask = randn([3, 37, 333], generator: generator);
            mask = mask.masked_fill(rand(mask.shape, generator: generator).lt(0.3), float.NegativeInfinity);
            mask.narrow(1, 4, 2).fill_(float.NegativeInfinity); // rows that see nothing
        }
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(new SlicedBackend(4096));
        AttentionProblem problem = AttentionDispatcher.Describe(query, key, value, arguments) with { NeedsGradient = true };
        Assert.InRange(SliceShape.For(problem, 4096).Keys, 1, 332);

        Tensor[] actual = Gradients((q, k, v, a) => dispatcher.Run(q, k, v, a), ScalarType.Float32);
        Tensor[] expected = Gradients((q, k, v, a) => ReferenceAttention.Compute(q, k, v, a), ScalarType.Float64);

        for (int i = 0; i < expected.Length; i++)
        {
            double difference = (expected[i] - actual[i]).abs().max().item<double>(),
                size = expected[i].abs().max().item<double>();
            Assert.True(
                difference <= 1e-5 * (1 + size),
                string.Create(CultureInfo.InvariantCulture, $"{name}: gradient {i} differs by {difference:E2} of {size:E2}")
            );
            Assert.True(size > 1e-3, $"{name}: gradient {i} is nothing to compare with");
        }

        Tensor[] Gradients(Func<Tensor, Tensor, Tensor, AttentionArguments, Tensor> attend, ScalarType dtype)
        {
            Tensor[] leaves =
            [
                .. new[] { query, key, value, mask }
                    .Where(t => t is not null)
                    .Select(t => t!.detach().to(dtype, copy: true).requires_grad_()),
            ];
            AttentionArguments whole = arguments with { Mask = mask is null ? null : leaves[3] };
            (attend(leaves[0], leaves[1], leaves[2], whole) * weights).sum().backward();
            return [.. leaves.Select(leaf => leaf.grad!)];
        }
    }

    [Fact]
    public void Run_RandomProblems_CuttingKeysChangesNothing()
    {
        var random = new Random(5);
        using var generator = new Generator(5, CPU);
        var cut = TestDispatchers.Requiring(new SlicedBackend(8192));
        var whole = TestDispatchers.Requiring(new SlicedBackend());
        for (int i = 0; i < 150; i++)
        {
            using var scope = NewDisposeScope();
            int kv = random.Next(1, 3),
                heads = kv * random.Next(1, 3),
                rows = random.Next(1, 70),
                keys = random.Next(60, 700);
            Tensor query = randn([2, heads, rows, 8], generator: generator),
                key = randn([2, kv, keys, 8], generator: generator);
            var arguments = new AttentionArguments
            {
                IsCausal = random.Next(2) == 0,
                CausalAlignment = (CausalAlignment)random.Next(2),
                LeftWindow = random.Next(3) == 0 ? random.Next(200) : null,
                Mask = random.Next(2) == 0 ? rand([2, 1, rows, keys], generator: generator).gt(0.5) : null,
            };
            (Tensor expected, Tensor expectedLog) = whole.RunWithLogSumExp(query, key, key, arguments);
            (Tensor actual, Tensor actualLog) = cut.RunWithLogSumExp(query, key, key, arguments);
            // Results are as large as values, about 4: a handful of float32's roundings.
            Assert.True((expected - actual).abs().max().item<float>() < 4e-6f, $"problem {i}");
            Assert.True(actualLog.eq(expectedLog).logical_or((expectedLog - actualLog).abs().lt(1e-5)).all().item<bool>(), $"problem {i}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    public void Run_MillionKeys_MemoryIsBounded(int rows)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/proc/self/clear_refs"), "the peak is read from Linux's /proc");
        using var scope = NewDisposeScope();
        // 16-bit keys: widened whole they would take 512 MiB, key and value alike; as would the mask when it were made additive.
        Tensor query = randn(1, 2, rows, 64).to(bfloat16),
            key = zeros(1, 1, 1 << 20, 64, dtype: bfloat16);
        Tensor mask = ones(1, 1, 1, 1 << 20, dtype: ScalarType.Bool);
        key[.., .., 777_777].fill_(3);
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(new SlicedBackend(16 << 20));
        dispatcher.Run(query, key.narrow(2, 0, 4096), key.narrow(2, 0, 4096)).Dispose();

        File.WriteAllText("/proc/self/clear_refs", "5"); // the peak starts again from here
        long before = ReadStatus("VmRSS:");
        Tensor result = dispatcher.Run(query, key, key, new() { Mask = mask });
        long peak = ReadStatus("VmHWM:") - before;

        Assert.InRange(peak, -(1L << 20), 64L << 20); // the kernel counts pages of each thread in batches
        // All keys are 0 but one of 3s: its weight is e^s / (e^s + 2^20 - 1).
        double[] q = LoopOracle.Doubles(query),
            actual = LoopOracle.Doubles(result);
        for (int row = 0; row < 2 * rows; row++)
        {
            double exponential = Math.Exp(3 * q.AsSpan(row * 64, 64).ToArray().Sum() / 8);
            double expected = 3 * exponential / (exponential + (1 << 20) - 1);
            Assert.All(actual[(row * 64)..(row * 64 + 64)], value => Assert.InRange(value, expected * 0.98, expected * 1.02));
        }
    }

    private static long ReadStatus(string name)
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
