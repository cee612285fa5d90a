using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>The backward pass where softmax and blocks have their corners, and how its bits depend on nothing.</summary>
public sealed class FlashGradientTests
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

    private static readonly FlashCase[] Cases =
    [
        Ordinary with
        {
            Batch = 2,
            Queries = 300,
            Keys = 300,
            HeadDim = 40,
            ValueDim = 33,
            Dropout = 0.2,
        },
        Ordinary with
        {
            Batch = 40,
            KvHeads = 8,
            Group = 1,
            Queries = 16,
            Keys = 16,
            QueryLayout = Layout.LengthFirst,
            KeyLayout = Layout.LengthFirst,
            ValueLayout = Layout.LengthFirst,
            OutputLayout = Layout.LengthFirst,
            DType = AttentionDType.Float16,
        },
        Ordinary with
        {
            Group = 4,
            Queries = 130,
            Keys = 777,
            HeadDim = 64,
            ValueDim = 32,
            IsCausal = true,
            Mask = AttentionMaskKind.Boolean,
        },
        Ordinary with
        {
            Batch = 3,
            Queries = 90,
            Keys = 500,
            LeftWindow = 50,
            RightWindow = 9,
            Sequences = SequenceLengths.KeysInUse,
        },
    ];

    public static TheoryData<int> Indices() => [.. Enumerable.Range(0, Cases.Length)];

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
            { 1, 257 },
        };

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Backward_ShortOrEmptySide_IsTheGradient(int queries, int keys)
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
                problem.CheckGradients();
                (problem with { ValueDim = 2 * dim + 1, IsCausal = true, Alignment = CausalAlignment.BottomRight }).CheckGradients();
                (
                    problem with
                    {
                        Mask = AttentionMaskKind.Additive,
                        Group = 1,
                        QueryLayout = Layout.LengthFirst,
                        KeyLayout = Layout.LengthFirst,
                    }
                ).CheckGradients();
                (
                    problem with
                    {
                        Mask = AttentionMaskKind.Boolean,
                        Sequences = SequenceLengths.KeysInUse,
                        LeftWindow = 2,
                        Softcap = 3,
                    }
                ).CheckGradients();
            }
        }
    }

    [Fact]
    public void Backward_NoSequence_WritesNothing() =>
        (Ordinary with { Batch = 0, Alibi = 2, Mask = AttentionMaskKind.Boolean }).CheckGradients();

    [Theory]
    [InlineData(AttentionMaskKind.Boolean)]
    [InlineData(AttentionMaskKind.Additive)]
    public void Backward_FullyMaskedRows_HaveNoGradient(AttentionMaskKind kind)
    {
        var run = new FlashGradientRun<float>(Ordinary with { Mask = kind, MaskDensity = 0 });
        run.Run(null);
        foreach (StridedTensor<float> gradient in (StridedTensor<float>[])[run.Query, run.Key, run.Value])
        {
            Assert.All(gradient.Places(), place => Assert.Equal(0f, gradient.Memory[place]));
        }
    }

    [Theory]
    [InlineData(AttentionDType.Float32)]
    [InlineData(AttentionDType.Float64)]
    [InlineData(AttentionDType.BFloat16)]
    public void Backward_LogitsOfThousands_AreNoTrouble(AttentionDType dtype)
    {
        FlashCase problem = Ordinary with { DType = dtype, Amplitude = 60 };
        problem.CheckGradients();
        (problem with { Scale = -1 }).CheckGradients();
        (problem with { Softcap = 50 }).CheckGradients();
        (problem with { Mask = AttentionMaskKind.Additive, IsCausal = true }).CheckGradients();
    }

    /// <summary>Lanes that are no query leave nothing behind for the next block: with 5 queries most of them are none.</summary>
    [Theory]
    [InlineData(40, 33)]
    [InlineData(33, 40)]
    public void Backward_NaNInAQuery_ReachesItsHeadOnly(int dim, int valueDim)
    {
        var run = new FlashGradientRun<float>(Ordinary with { Queries = 5, KvHeads = 3, Group = 1, HeadDim = dim, ValueDim = valueDim });
        run.Forward.Query[0, 0, 4, 1] = float.NaN;
        run.ForwardAgain();
        run.Run(1);
        for (int h = 0; h < 3; h++)
        {
            Assert.Equal(h == 0, float.IsNaN(run.Query[0, h, 4, 0]));
            Assert.False(float.IsNaN(run.Query[0, h, 3, 0]));
            Assert.Equal(h == 0, float.IsNaN(run.Key[0, h, 129, 0]));
            Assert.Equal(h == 0, float.IsNaN(run.Value[0, h, 129, 0]));
        }
    }

    [Theory]
    [MemberData(nameof(Indices))]
    public void Backward_AnyNumberOfThreads_GivesTheSameBits(int index)
    {
        string first = Bits(Cases[index], 1);
        foreach (int? threads in (int?[])[1, 2, 3, 100, null, 2])
        {
            Assert.Equal(first, Bits(Cases[index], threads));
        }
    }

    [Fact]
    public void Backward_OnceWarm_AllocatesNothing()
    {
        foreach (int threads in (int[])[1, 2])
        {
            foreach (FlashCase problem in Cases)
            {
                Assert.Equal(0, new FlashGradientRun<float>(problem with { DType = AttentionDType.Float32 }).AllocatedBytes(threads));
            }
        }
    }

    private static string Bits(FlashCase problem, int? threads)
    {
        if (problem.DType == AttentionDType.Float16)
        {
            var half = new FlashGradientRun<Half>(problem);
            half.Run(threads);
            return Convert.ToHexString(System.Runtime.InteropServices.MemoryMarshal.AsBytes<Half>(half.All()));
        }
        var run = new FlashGradientRun<float>(problem);
        run.Run(threads);
        return Convert.ToHexString(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(run.All()));
    }
}
