using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests;

public sealed class ProblemTests
{
    private static readonly AttentionProblem Ordinary = AttentionProblem.Of(2, 8, 64, 50, 40);

    public static TheoryData<AttentionProblem, string> Meaningless() =>
        new()
        {
            { Ordinary with { KvHeadCount = 3 }, "query heads a multiple of key heads" },
            { Ordinary with { HeadCount = 0 }, "at least one of each" },
            { Ordinary with { HeadDim = 0 }, "both at least 1" },
            { Ordinary with { KeyLength = -1 }, "none of them negative" },
            { Ordinary with { Scale = double.PositiveInfinity }, "a finite number" },
            { Ordinary with { Dropout = 1 }, "0 <= dropout < 1" },
            { Ordinary with { Softcap = -1 }, "0 for none" },
            { Ordinary with { LeftWindow = -1 }, "at least 0" },
            { Ordinary with { Rank = 1 }, "rank 2 or more" },
            {
                Ordinary with
                {
                    Mask = AttentionMask.Of(AttentionMaskKind.Boolean, 1, 1, 64, 51),
                },
                "broadcastable to (B, H, Lq, Lk) = (2, 8, 64, 50)"
            },
            { Ordinary with { Mask = AttentionMask.Of(AttentionMaskKind.Boolean, 3, 1, 64, 50) }, "broadcastable" },
        };

    [Theory]
    [MemberData(nameof(Meaningless), DisableDiscoveryEnumeration = true)]
    public void Validate_MeaninglessProblem_SaysWhatIsRequired(AttentionProblem problem, string required) =>
        Assert.Contains(required, Assert.Throws<ArgumentException>(problem.Validate).Message, StringComparison.Ordinal);

    [Fact]
    public void Validate_EmptyAndGroupedAndMasked_IsLegal()
    {
        (Ordinary with { QueryLength = 0 }).Validate();
        (Ordinary with { KeyLength = 0, KvHeadCount = 2, ValueDim = 7 }).Validate();
        (Ordinary with { Mask = AttentionMask.Of(AttentionMaskKind.Additive, 1, 8, 1, 50) }).Validate();
    }

    [Fact]
    public void Describe_EverythingUnusual_NamesIt()
    {
        Assert.Equal("B 2, H 8, Lq 64, Lk 50, headDim 40, float32, cpu", Ordinary.Describe());
        AttentionProblem unusual = Ordinary with
        {
            KvHeadCount = 2,
            ValueDim = 24,
            DType = AttentionDType.BFloat16,
            Device = AttentionDevice.Cuda(1),
            IsCausal = true,
            CausalAlignment = CausalAlignment.BottomRight,
            LeftWindow = 3,
            Softcap = 2.5,
            NeedsGradient = true,
            Mask = AttentionMask.Of(AttentionMaskKind.Boolean, 1, 1, 64, 50),
        };
        Assert.Equal(
            "B 2, H 8, Lq 64, Lk 50, headDim 40, kvHeads 2, valueDim 24, bfloat16, cuda:1, boolean mask, causal bottom-right, window (3, all), softcap 2.5, training",
            unusual.Describe()
        );
        Assert.Equal(
            "\"attention explain Shape=2,8,64,50,40 KvHeads=2 ValueDim=24 DType=bf16 Causal Mask=bool Device=cuda Training\"",
            unusual.ExplainCommand()
        );
    }

    [Theory]
    [InlineData("cpu", AttentionDeviceKind.Cpu, 0)]
    [InlineData("cuda", AttentionDeviceKind.Cuda, 0)]
    [InlineData("cuda:3", AttentionDeviceKind.Cuda, 3)]
    [InlineData("mps", AttentionDeviceKind.Mps, 0)]
    public void Device_Text_IsRead(string text, AttentionDeviceKind kind, int index) =>
        Assert.Equal(new AttentionDevice(kind, index), AttentionDevice.Parse(text));

    [Theory]
    [InlineData("cuda:-1")]
    [InlineData("cuda:")]
    [InlineData("gpu")]
    public void Device_OtherText_IsAFormatException(string text) => Assert.Throws<FormatException>(() => AttentionDevice.Parse(text));

    [Fact]
    public void DType_EveryName_ReadsBack()
    {
        foreach (AttentionDType dtype in Enum.GetValues<AttentionDType>())
        {
            Assert.Equal(dtype, AttentionDTypes.Parse(dtype.ShortName()));
            Assert.Equal(dtype, AttentionDTypes.Parse(dtype.LongName()));
        }
        Assert.Throws<FormatException>(() => AttentionDTypes.Parse("int8"));
    }

    [Fact]
    public void ProblemClass_HeadDims_FallIntoTheKernelsSizes()
    {
        Assert.Equal(64, ProblemClass.Of(Ordinary).HeadDimClass);
        Assert.Equal(256, ProblemClass.Of(Ordinary with { HeadDim = 256, ValueDim = 256 }).HeadDimClass);
        Assert.Equal(int.MaxValue, ProblemClass.Of(Ordinary with { HeadDim = 512, ValueDim = 512 }).HeadDimClass);
        Assert.Equal(ProblemClass.Of(Ordinary), ProblemClass.Of(Ordinary with { Batch = 99, QueryLength = 7 }));
        Assert.NotEqual(ProblemClass.Of(Ordinary), ProblemClass.Of(Ordinary with { NeedsGradient = true }));
    }
}
