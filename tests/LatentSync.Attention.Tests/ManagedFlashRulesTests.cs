using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Tests;

/// <summary>Where managed-flash runs, when it comes first, and what it says it takes.</summary>
public sealed class ManagedFlashRulesTests
{
    private static readonly AttentionProblem Problem = AttentionProblem.Of(2, 8, 1024, 1024, 40);

    /// <summary>What other kernels refuse or cure.</summary>
    public static TheoryData<string> Demanding() => [.. Demands.Keys];

    private static readonly Dictionary<string, AttentionProblem> Demands = new()
    {
        ["float64"] = Problem with { DType = AttentionDType.Float64 },
        ["wide heads"] = Problem with { HeadDim = 512, ValueDim = 3 },
        ["grouped"] = Problem with { KvHeadCount = 2 },
        ["no keys"] = Problem with { KeyLength = 0 },
        ["no sequence"] = Problem with { Batch = 0 },
        ["bottom-right"] = Problem with { IsCausal = true, CausalAlignment = CausalAlignment.BottomRight, KeyLength = 1500 },
        ["window"] = Problem with { LeftWindow = 3, RightWindow = 0 },
        ["softcap"] = Problem with { Softcap = 30 },
        ["scale"] = Problem with { Scale = -2 },
        ["boolean mask"] = Problem with { Mask = AttentionMask.Of(AttentionMaskKind.Boolean, 1, 8, 1, 1024), IsCausal = true },
        ["additive mask"] = Problem with
        {
            Mask = AttentionMask.Of(AttentionMaskKind.Additive, 2, 1, 1024, 1) with { IsStrided = true, Rank = 3 },
        },
        ["strided"] = Problem with { Strided = AttentionOperands.Query | AttentionOperands.Value },
        ["training"] = Problem with { NeedsGradient = true, NeedsDeterminism = true },
        ["dropout"] = Problem with { NeedsGradient = true, Dropout = 0.1 },
        ["logsumexp"] = Problem with { NeedsLogSumExp = true },
    };

    [Theory]
    [MemberData(nameof(Demanding))]
    public void Select_OnTheCpu_RunsAsItIs(string name)
    {
        Plan plan = Select(Demands[name], Machines.CpuOnly);
        Assert.Equal("managed-flash", plan.Chosen);
        Assert.Empty(plan.VerdictOf("managed-flash")!.Repairs);
    }

    [Fact]
    public void Select_MaskThatNeedsAGradient_IsRefusedByCode()
    {
        AttentionMask mask = AttentionMask.Of(AttentionMaskKind.Additive, 1, 1, 1024, 1024) with { NeedsGradient = true };
        Plan plan = Select(Problem with { Mask = mask, NeedsGradient = true }, Machines.CpuOnly);
        Assert.Equal("ATT0701", Assert.Single(plan.VerdictOf("managed-flash")!.Reasons).Code);
        Assert.NotNull(plan.Chosen);
    }

    [Theory]
    [InlineData(AttentionDeviceKind.Cuda)]
    [InlineData(AttentionDeviceKind.Mps)]
    [InlineData(AttentionDeviceKind.Other)]
    public void Select_AnotherDevice_IsRefusedAndComesLast(AttentionDeviceKind kind)
    {
        Plan plan = Select(Problem with { Device = new AttentionDevice(kind, 0) }, Machines.A10);
        Assert.Equal("managed-flash", plan.Verdicts[^1].Backend);
        Assert.Equal(["ATT0700"], plan.Verdicts[^1].Reasons.Select(reason => reason.Code));
    }

    [Theory]
    [InlineData(AttentionDType.Float32, 1024, 1024, "avx2 avx512f avx512bf16 amxbf16", "managed-flash")]
    [InlineData(AttentionDType.BFloat16, 1024, 1024, "avx2", "managed-flash")]
    [InlineData(AttentionDType.BFloat16, 1024, 1024, "", "managed-flash")] // unknown
    [InlineData(AttentionDType.BFloat16, 1024, 1024, "avx2 avx512f amxbf16", "torch-flash")]
    [InlineData(AttentionDType.BFloat16, 1024, 1024, "avx2 avx512f avx512bf16", "managed-flash")]
    [InlineData(AttentionDType.BFloat16, 1024, 50, "avx2 avx512f avx512bf16 amxbf16", "managed-flash")]
    [InlineData(AttentionDType.BFloat16, 256, 256, "avx2 avx512f amxbf16", "torch-flash")]
    [InlineData(AttentionDType.BFloat16, 255, 256, "avx2 avx512f amxbf16", "managed-flash")]
    [InlineData(AttentionDType.Float16, 1024, 1024, "avx2 avx512f avx512fp16 amxbf16", "managed-flash")]
    [InlineData(AttentionDType.Float16, 1024, 1024, "avx2 avx512f avx512fp16 amxfp16", "torch-flash")]
    public void Select_CpuWithInstructionsFor16Bits_TorchFlashFirstForLargeProblems(
        AttentionDType dtype,
        int queries,
        int keys,
        string isa,
        string first
    )
    {
        Machine machine = Machines.CpuOnly with { Cpu = Machines.CpuOnly.Cpu with { Isa = isa.Split(' ') } };
        Plan plan = Select(Problem with { DType = dtype, QueryLength = queries, KeyLength = keys }, machine);
        Assert.Equal(first, plan.Chosen);
        Assert.Equal(first == "managed-flash" ? "torch-flash" : "managed-flash", plan.Order[0]);
        Assert.Equal(["torch-math", "sliced"], plan.Order.Skip(1));
    }

    [Theory]
    [InlineData("managed-flash")]
    [InlineData("torch-flash")]
    public void Select_MeasuredOrder_DecidesBetweenThem(string measuredFirst)
    {
        Machine machine = Machines.CpuOnly with { Cpu = Machines.CpuOnly.Cpu with { Isa = ["avx2", "avx512f", "amxbf16"] } };
        foreach (AttentionDType dtype in new[] { AttentionDType.Float32, AttentionDType.BFloat16 })
        {
            AttentionProblem problem = Problem with { DType = dtype };
            var ranking = BackendRanking.Measured(
                new Dictionary<MeasuredClass, IReadOnlyList<string>> { [MeasuredClass.Of(problem)] = [measuredFirst] }
            );
            Assert.Equal(
                measuredFirst,
                AttentionSelector.Select(problem, new SelectionContext { Machine = machine, Ranking = ranking }, 8L << 30).Chosen
            );
        }
    }

    [Fact]
    public void EstimatedBytes_LongerSequences_OnlyTheResultGrows()
    {
        AttentionProblem longer = Problem with { QueryLength = 64 * 1024, KeyLength = 64 * 1024 };
        Assert.Equal(longer.OutputBytes - Problem.OutputBytes, Estimate(longer) - Estimate(Problem));
        long training = Estimate(longer with { NeedsGradient = true }) - Estimate(longer);
        Assert.InRange(training, 4 * longer.OutputBytes, 4 * longer.OutputBytes + (8L << 20)); // three gradients and that of the result; a logsumexp, larger workspaces
    }

    [Fact]
    public void EstimatedBytes_LargestProblem_Saturates()
    {
        AttentionProblem huge = AttentionProblem.Of(1 << 20, 1 << 10, 1 << 29, 1, 1);
        Assert.Equal(long.MaxValue, Estimate(huge with { NeedsGradient = true }));
    }

    private static long Estimate(AttentionProblem problem) => Select(problem, Machines.CpuOnly).VerdictOf("managed-flash")!.EstimatedBytes;

    private static Plan Select(AttentionProblem problem, Machine machine) =>
        AttentionSelector.Select(problem, new SelectionContext { Machine = machine }, 8L << 30);
}
