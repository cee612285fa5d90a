using LatentSync.Attention.Kernels;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Threads;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Where softmax and blocks have their corners.</summary>
public sealed class FlashEdgeTests
{
    private static readonly FlashCase Ordinary = new()
    {
        Seed = 8,
        KvHeads = 2,
        Group = 2,
        Queries = 70,
        Keys = 130,
        HeadDim = 24,
        ValueDim = 24,
    };

    public static TheoryData<int, int> Lengths() =>
        new()
        {
            { 0, 0 },
            { 0, 5 },
            { 5, 0 },
            { 1, 1 },
            { 1, 96 },
            { 1, 97 },
            { 64, 1 },
            { 65, 95 },
            { 16, 16 },
            { 17, 193 },
            { 200, 3 },
            { 1, 256 },
            { 1, 257 },
            { 1, 258 },
            { 2, 259 },
            { 2, 353 },
            { 1, 1100 },
        };

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Forward_ShortOrEmptySide_IsAttention(int queries, int keys)
    {
        foreach (AttentionDType dtype in Enum.GetValues<AttentionDType>())
        {
            foreach (int dim in (int[])[1, 3, 40])
            {
                FlashCase problem = Ordinary with
                {
                    DType = dtype,
                    Batch = 2,
                    Queries = queries,
                    Keys = keys,
                    HeadDim = dim,
                    ValueDim = dim,
                };
                problem.Check();
                (problem with { ValueDim = 2 * dim + 1, IsCausal = true, Alignment = CausalAlignment.BottomRight }).Check();
                (
                    problem with
                    {
                        Mask = AttentionMaskKind.Additive,
                        Group = 1,
                        QueryLayout = Layout.LengthFirst,
                        KeyLayout = Layout.LengthFirst,
                    }
                ).Check();
                (problem with { Mask = AttentionMaskKind.Boolean, Sequences = SequenceLengths.KeysInUse, LeftWindow = 2 }).Check();
                (
                    problem with
                    {
                        Mask = AttentionMaskKind.Additive,
                        Sequences = SequenceLengths.PagedPackedQueries,
                        Softcap = 3,
                        Alibi = 2,
                    }
                ).Check();
            }
        }
    }

    /// <summary>Rows of a KiB and more, whose columns share cache sets, and enough of them that several blocks of queries share a
    /// task.</summary>
    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Forward_LongRowsOfValues_IsAttention(int valueDim)
    {
        FlashCase problem = Ordinary with
        {
            Threads = 2,
            Batch = 2,
            KvHeads = 4,
            Group = 1,
            Queries = 200,
            Keys = 130,
            HeadDim = 16,
            ValueDim = valueDim,
        };
        problem.Check();
        (problem with { DType = AttentionDType.Float64, IsCausal = true }).Check();
        (problem with { DType = AttentionDType.BFloat16, LeftWindow = 60, Mask = AttentionMaskKind.Boolean }).Check();
        (problem with { Sequences = SequenceLengths.PagedPackedQueries }).Check();
    }

    [Fact]
    public void Forward_NoSequence_WritesNothing() => (Ordinary with { Batch = 0, Alibi = 2, Mask = AttentionMaskKind.Boolean }).Check();

    [Fact]
    public void Forward_OneKey_IsItsValue()
    {
        var run = new FlashRun<float>(Ordinary with { Keys = 1, Amplitude = 50 });
        run.Run(null);
        for (int i = 0; i < Ordinary.Queries; i++)
        {
            for (int d = 0; d < Ordinary.ValueDim; d++)
            {
                Assert.Equal(run.Value[0, 1, 0, d], run.Output[0, 3, i, d], 1e-7f);
            }
        }
    }

    [Theory]
    [InlineData(AttentionMaskKind.Boolean)]
    [InlineData(AttentionMaskKind.Additive)]
    public void Forward_FullyMaskedRow_IsZeroWithLogSumExpOfMinusInfinity(AttentionMaskKind kind)
    {
        var run = new FlashRun<float>(Ordinary with { Mask = kind, MaskDensity = 0 });
        run.Run(null);
        Assert.All(run.Output.Places(), place => Assert.Equal(0f, run.Output.Memory[place]));
        Assert.All(run.LogSumExp, sum => Assert.Equal(double.NegativeInfinity, sum));
    }

    [Fact]
    public void Forward_CausalBottomRightWithMoreQueries_FirstRowsAreZero()
    {
        var run = new FlashRun<float>(Ordinary with { Keys = 20, IsCausal = true, Alignment = CausalAlignment.BottomRight });
        run.Run(null);
        for (int i = 0; i < 70; i++)
        {
            Assert.Equal(i < 50, run.Output[0, 0, i, 0] == 0);
            Assert.Equal(i < 50, double.IsNegativeInfinity(run.LogSumExp[i]));
        }
    }

    [Theory]
    [InlineData(AttentionDType.Float32)]
    [InlineData(AttentionDType.Float64)]
    [InlineData(AttentionDType.BFloat16)]
    [InlineData(AttentionDType.Float16)]
    public void Forward_LogitsOfTenThousand_AreNoTrouble(AttentionDType dtype)
    {
        FlashCase problem = Ordinary with { DType = dtype, Amplitude = 200 };
        problem.Check();
        (problem with { Scale = -1 }).Check();
        (problem with { Softcap = 50 }).Check();
        (problem with { Mask = AttentionMaskKind.Additive, IsCausal = true }).Check();
    }

    [Fact]
    public void Forward_NaNInAQuery_ReachesItsRowOnly()
    {
        foreach (FlashCase problem in Variants())
        {
            var run = new FlashRun<float>(problem);
            run.Query[0, 1, 33, 5] = float.NaN;
            run.Run(null);
            for (int h = 0; h < problem.Heads; h++)
            {
                for (int i = 0; i < problem.Queries; i++)
                {
                    (bool, bool) found = (float.IsNaN(run.Output[0, h, i, 7]), double.IsNaN(run.LogSumExp[h * problem.Queries + i]));
                    bool isNaN = (h, i) == (1, 33) && Enumerable.Range(0, problem.Keys).Any(j => run.Head(0, h).Sees(i, j));
                    Assert.True(found == (isNaN, isNaN), $"head {h}, query {i}: output and logsumexp NaN {found}\n{problem}");
                }
            }
        }
    }

    [Fact]
    public void Forward_NaNInAKey_ReachesTheRowsThatSeeIt()
    {
        foreach (FlashCase problem in Variants())
        {
            var run = new FlashRun<float>(problem);
            run.Key[0, 1, 40, 0] = float.NaN;
            run.Run(null);
            for (int h = 0; h < problem.Heads; h++)
            {
                HeadAttention head = run.Head(0, h);
                for (int i = 0; i < problem.Queries; i++)
                {
                    Assert.Equal(h >= 2 && head.Sees(i, 40), float.IsNaN(run.Output[0, h, i, 7]));
                }
            }
        }
    }

    [Fact]
    public void Forward_NaNInAValue_ReachesItsColumnOnly()
    {
        var run = new FlashRun<float>(Ordinary);
        run.Value[0, 0, 40, 3] = float.NaN;
        run.Run(null);
        for (int h = 0; h < 4; h++)
        {
            for (int d = 0; d < Ordinary.ValueDim; d++)
            {
                Assert.Equal(h < 2 && d == 3, float.IsNaN(run.Output[0, h, 69, d]));
            }
        }
    }

    [Fact]
    public void Forward_NaNInKeysNotInUse_IsNotRead()
    {
        foreach (SequenceLengths lengths in (SequenceLengths[])[SequenceLengths.KeysInUse, SequenceLengths.Packed, SequenceLengths.Paged])
        {
            FlashCase problem = Ordinary with { Seed = 11, Batch = 3, Sequences = lengths };
            var run = new FlashRun<float>(problem);
            HeadAttention[] heads = [.. Enumerable.Range(0, 3).Select(b => run.Head(b, 0))];
            var used = heads
                .SelectMany(head => head.Value.Cast<double>())
                .Concat(Enumerable.Range(0, 3).SelectMany(b => run.Head(b, 2).Value.Cast<double>()))
                .ToHashSet();
            foreach (int place in run.Value.Places().Where(place => !used.Contains(run.Value.Memory[place])).ToArray())
            {
                run.Value.Memory[place] = float.NaN;
            }
            run.Run(null);
            run.CheckResult();
        }
    }

    [Fact]
    public void Forward_PlusInfinityInABias_MakesTheRowsThatSeeItNaN()
    {
        var run = new FlashRun<float>(Ordinary with { Mask = AttentionMaskKind.Additive, MaskDensity = 1, Seed = 10, MaskBroadcast = 3 });
        run.Bias![0, 0, 33, 100] = float.PositiveInfinity;
        run.Run(null);
        for (int i = 0; i < Ordinary.Queries; i++)
        {
            Assert.Equal(i == 33, float.IsNaN(run.Output[0, 2, i, 0]));
        }
    }

    /// <summary>TensorSpan has no negative strides, libtorch neither; other callers of the kernels may.</summary>
    [Fact]
    public unsafe void Kernels_NegativeStrides_AreRead()
    {
        const int Rows = 37,
            Dim = 12;
        var random = new Random(3);
        float[] query = Numbers(),
            key = Numbers(),
            value = Numbers(),
            forward = new float[Rows * Dim],
            backward = new float[Rows * Dim];
        fixed (
            float* q = query,
                k = key,
                v = value,
                f = forward,
                r = backward
        )
        {
            var dense = new FlashCall
            {
                Problem = AttentionProblem.Of(1, 1, Rows, Rows, Dim),
                Query = Of(q, false),
                Key = Of(k, false),
                Value = Of(v, false),
                Output = Of(f, false),
            };
            FlashKernels.Forward(dense, WorkTeam.Shared);
            // All keys reversed and all values too: the same set of pairs. Queries and results reversed: the same rows.
            FlashCall reversed = dense with
            {
                Query = Of(q, true),
                Output = Of(r, true),
                Key = Of(k, true),
                Value = Of(v, true),
            };
            FlashKernels.Forward(reversed, WorkTeam.Shared);
        }
        for (int i = 0; i < forward.Length; i++)
        {
            Assert.Equal(forward[i], backward[i], 1e-5f);
        }

        float[] Numbers() => [.. Enumerable.Range(0, Rows * Dim).Select(_ => random.NextSingle() - 0.5f)];

        static FlashOperand Of(float* start, bool isReversed) =>
            new((nint)(isReversed ? start + (Rows - 1) * Dim : start), AttentionDType.Float32, 0, 0, isReversed ? -Dim : Dim, 1);
    }

    private static IEnumerable<FlashCase> Variants() =>
        [
            Ordinary,
            Ordinary with
            {
                IsCausal = true,
            },
            Ordinary with
            {
                LeftWindow = 20,
                RightWindow = 20,
            },
            Ordinary with
            {
                Softcap = 3,
            },
            Ordinary with
            {
                Mask = AttentionMaskKind.Boolean,
                MaskDensity = 0.9,
                Seed = 10,
                MaskBroadcast = 8,
            },
            Ordinary with
            {
                Mask = AttentionMaskKind.Boolean,
                MaskDensity = 0.9,
                Seed = 12,
                MaskBroadcast = 7,
            },
            Ordinary with
            {
                KeyLayout = Layout.LengthFirst,
                QueryLayout = Layout.LengthFirst,
                Group = 2,
                Alibi = 1,
            },
        ];
}
