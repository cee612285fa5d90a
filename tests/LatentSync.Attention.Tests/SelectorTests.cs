using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Tests;

public sealed class SelectorTests
{
    private static readonly AttentionProblem UNetOnCuda = AttentionProblem.Of(16, 8, 4096, 4096, 40) with
    {
        DType = AttentionDType.Float16,
        Device = AttentionDevice.Cuda(),
    };

    private static readonly AttentionProblem VaeOnCuda = AttentionProblem.Of(2, 1, 1024, 1024, 512) with
    {
        DType = AttentionDType.Float16,
        Device = AttentionDevice.Cuda(),
    };

    [Fact]
    public void Select_TeslaT4_SaysWhyFlashDoesNotRunAndWhatRunsInstead()
    {
        Plan plan = Select(UNetOnCuda with { DType = AttentionDType.Float32 }, Machines.TeslaT4, freeGibibytes: 15);

        Verdict flash = plan.VerdictOf("torch-flash")!;
        Assert.False(flash.Runs);
        Assert.Equal(["ATT0802", "ATT0803"], flash.Reasons.Select(reason => reason.Code).Order()); // all reasons, not the first
        Reason capability = flash.Reasons.Single(reason => reason.Code == "ATT0803");
        Assert.Equal("Tesla T4, compute capability 7.5", capability.Found);
        Assert.Equal("compute capability 8.0 to 12.1", capability.Required);
        Assert.Equal(["ATT0105"], plan.VerdictOf("torch-math")!.Reasons.Select(reason => reason.Code)); // 20 GiB of scores
        Assert.Equal("torch-efficient", plan.Chosen); // float32 on Turing
        Assert.Equal(["sliced"], plan.Order);
        Assert.InRange(plan.EstimatedBytes, 1, 1L << 30);
    }

    [Fact]
    public void Select_TeslaT4BFloat16SmallLayer_RunsTorchMath() =>
        Assert.Equal(
            "torch-math",
            Select(
                UNetOnCuda with
                {
                    DType = AttentionDType.BFloat16,
                    QueryLength = 64,
                    KeyLength = 64,
                },
                Machines.TeslaT4,
                freeGibibytes: 15
            ).Chosen
        );

    [Fact]
    public void Select_TeslaT4SmallLayer_RunsTorchEfficient() =>
        Assert.Equal(
            "torch-efficient",
            Select(UNetOnCuda with { QueryLength = 64, KeyLength = 64 }, Machines.TeslaT4, freeGibibytes: 15).Chosen
        );

    [Theory]
    [InlineData("8.0", "torch-flash")]
    [InlineData("8.6", "torch-flash")]
    [InlineData("8.9", "torch-flash")]
    [InlineData("9.0", "torch-flash")]
    [InlineData("12.1", "torch-flash")]
    [InlineData("7.0", "torch-efficient")]
    public void Select_Gpu_RunsFlashFromAmpereOn(string capability, string chosen) =>
        Assert.Equal(chosen, Select(UNetOnCuda with { Batch = 1, QueryLength = 256 }, Machines.Gpu("a GPU", capability, 24), 20).Chosen);

    [Fact]
    public void Select_HeadDim512OnCuda_IsTooLongForFlash()
    {
        Plan plan = Select(VaeOnCuda, Machines.A10, freeGibibytes: 20);
        Reason reason = Assert.Single(plan.VerdictOf("torch-flash")!.Reasons);
        Assert.Equal(("ATT0801", "headDim 512", "headDim <= 256 and valueDim <= 256"), (reason.Code, reason.Found, reason.Required));
        Assert.Equal("torch-efficient", plan.Chosen);
        Assert.Equal(["torch-math", "sliced"], plan.Order);
    }

    [Fact]
    public void Select_HeadDim512OnCpu_RunsManagedFlash() =>
        Assert.Equal(
            "managed-flash",
            Select(VaeOnCuda with { DType = AttentionDType.Float32, Device = AttentionDevice.Cpu }, Machines.CpuOnly, 20).Chosen
        );

    [Theory]
    [InlineData("P100")]
    [InlineData("Thor")]
    public void Select_GpuWithoutCodeInLibtorch_IsForetold(string name)
    {
        Machine machine = name == "P100" ? Machines.P100 : Machines.Thor;
        Plan plan = Select(UNetOnCuda, machine, freeGibibytes: 15);
        Assert.Null(plan.Chosen);
        Assert.All(plan.Verdicts, verdict => Assert.Contains(verdict.Reasons, reason => reason.Code == "ATT0104"));
    }

    [Fact]
    public void Select_DriverOlderThanLibtorchsCuda_IsForetold()
    {
        Plan plan = Select(UNetOnCuda, Machines.Gpu("Tesla T4", "7.5", 16, driver: "11.7"), freeGibibytes: 15);
        Assert.Null(plan.Chosen);
        Reason reason = plan.VerdictOf("sliced")!.Reasons.Single();
        Assert.Equal(("ATT0106", "driver for CUDA 11.7, libtorch for CUDA 12.8"), (reason.Code, reason.Found));
    }

    [Fact]
    public void Select_NoLibtorch_NothingRunsAndAllSayWhy() =>
        Assert.All(
            Select(AttentionProblem.Of(1, 1, 8, 8, 8), Machines.NoLibTorch, 20).Verdicts,
            verdict => Assert.Contains(verdict.Reasons, reason => reason.Code == "ATT0101")
        );

    [Fact]
    public void Select_CudaProblemOnCpuMachine_NamesDeviceAndLibtorch() =>
        Assert.Equal(
            ["ATT0102", "ATT0103"],
            Select(UNetOnCuda, Machines.CpuOnly, 20).VerdictOf("sliced")!.Reasons.Select(reason => reason.Code)
        );

    [Fact]
    public void Select_UnknownFacts_RefuseNothing()
    {
        Machine unknown = Machines.A10 with
        {
            Gpus = [new GpuInfo("CUDA device 0", null, 0, null, null)],
            Cuda = null,
            LibTorch = new LibTorchInfo("2.10.0", "cuda", null, false, []),
        };
        Plan plan = AttentionSelector.Select(UNetOnCuda, new SelectionContext { Machine = unknown }, freeBytes: null);
        Assert.Equal("torch-flash", plan.Chosen);
        Assert.Equal(["torch-efficient", "sliced", "torch-math"], plan.Order); // cuDNN of unknown version is not trusted
    }

    [Theory]
    [InlineData("torch-flash", "ATT0807")]
    [InlineData("torch-efficient", "ATT0317")]
    public void Select_LargestTemporalProblem_IsSplitAndTheVerdictSaysSo(string backend, string code)
    {
        AttentionProblem temporal = AttentionProblem.Of(8192, 8, 16, 16, 40) with
        {
            DType = AttentionDType.Float16,
            Device = AttentionDevice.Cuda(),
        };
        Verdict verdict = Select(temporal, Machines.H200, 100).VerdictOf(backend)!;
        Assert.True(verdict.Runs);
        Reason repair = Assert.Single(verdict.Repairs);
        Assert.Equal((code, "batch x heads 65536", "none needed: the call is split"), (repair.Code, repair.Found, repair.Remedy));
        Verdict below = Select(temporal with { Batch = 65_535, HeadCount = 1, KvHeadCount = 1 }, Machines.H200, 100).VerdictOf(backend)!;
        Assert.Empty(below.Repairs);
        // Splitting costs a second result: the parts, and the whole they are joined to.
        Assert.InRange(verdict.EstimatedBytes - below.EstimatedBytes, temporal.OutputBytes, 2 * temporal.OutputBytes);
    }

    [Theory]
    [InlineData("auto", "managed-flash", "torch-flash torch-math sliced")]
    [InlineData("prefer sliced", "sliced", "managed-flash torch-flash torch-math")]
    [InlineData("prefer torch-flash", "torch-flash", "managed-flash torch-math sliced")]
    [InlineData("forbid managed-flash", "torch-flash", "torch-math sliced")]
    [InlineData("forbid managed-flash, forbid torch-flash", "torch-math", "sliced")]
    [InlineData("prefer sliced, forbid torch-math", "sliced", "managed-flash torch-flash")]
    [InlineData("managed-flash", "managed-flash", "")]
    [InlineData("require torch-math", "torch-math", "")]
    [InlineData("forbid managed-flash, forbid torch-flash, forbid torch-math, forbid sliced", null, "")]
    public void Select_Policy_IsObeyed(string policy, string? chosen, string order)
    {
        var context = new SelectionContext { Machine = Machines.CpuOnly, Policy = Policy.Parse(policy, AttentionRules.BackendNames) };
        Plan plan = AttentionSelector.Select(AttentionProblem.Of(1, 2, 32, 32, 40), context, 8L << 30);
        Assert.Equal(chosen, plan.Chosen);
        Assert.Equal(order, string.Join(' ', plan.Order));
        Assert.Equal(AttentionRules.Backends.Count, plan.Verdicts.Count);
    }

    [Fact]
    public void Select_PreferredThatCannotRun_FallsBack()
    {
        var context = new SelectionContext { Machine = Machines.TeslaT4, Policy = Policy.Prefer("torch-flash") };
        Assert.Equal(
            "torch-efficient",
            AttentionSelector.Select(UNetOnCuda with { Batch = 1, QueryLength = 64 }, context, 8L << 30).Chosen
        );
    }

    [Fact]
    public void Select_MeasuredRanking_ReplacesTheBuiltInOrderForItsClass()
    {
        AttentionProblem problem = AttentionProblem.Of(64, 8, 16, 16, 40);
        var ranking = BackendRanking.Measured(
            new Dictionary<ProblemClass, IReadOnlyList<string>> { [ProblemClass.Of(problem)] = ["sliced"] }
        );
        var context = new SelectionContext { Machine = Machines.CpuOnly, Ranking = ranking };
        Plan plan = AttentionSelector.Select(problem, context, 8L << 30);
        Assert.Equal("sliced", plan.Chosen);
        Assert.Equal(["managed-flash", "torch-flash", "torch-math"], plan.Order);
        Assert.Equal("managed-flash", AttentionSelector.Select(problem with { HeadDim = 512, ValueDim = 512 }, context, 8L << 30).Chosen);
    }

    /// <summary>The interval of free memory that a plan claims for itself is exact: the same plan inside, another one outside.</summary>
    [Fact]
    public void Select_FreeMemory_PlanHoldsExactlyInItsInterval()
    {
        var context = new SelectionContext { Machine = Machines.CpuOnly, Policy = Policy.Forbid("managed-flash", "torch-flash") };
        AttentionProblem problem = AttentionProblem.Of(1, 8, 4096, 4096, 40);
        Plan rich = AttentionSelector.Select(problem, context, 8L << 30),
            poor = AttentionSelector.Select(problem, context, 1L << 30);
        Assert.Equal(("torch-math", "sliced"), (rich.Chosen, poor.Chosen));
        Assert.Equal(rich.ValidFromFreeBytes, poor.ValidBelowFreeBytes);
        Assert.Equal("torch-math", AttentionSelector.Select(problem, context, rich.ValidFromFreeBytes).Chosen);
        Assert.Equal("sliced", AttentionSelector.Select(problem, context, rich.ValidFromFreeBytes - 1).Chosen);
        Reason reason = Assert.Single(poor.VerdictOf("torch-math")!.Reasons);
        Assert.Equal(("ATT0105", "needs 1.3 GiB, 1.0 GiB free"), (reason.Code, reason.Found));
    }

    [Fact]
    public void Select_RandomProblems_SlicedAlwaysRunsWhereLibtorchDoes()
    {
        var random = new Random(5);
        for (int i = 0; i < 2000; i++)
        {
            AttentionProblem problem = AttentionProblem.Of(
                random.Next(0, 9000),
                random.Next(1, 33),
                random.Next(0, 100_000),
                random.Next(0, 100_000),
                random.Next(1, 1000)
            ) with
            {
                DType = (AttentionDType)random.Next(4),
                IsCausal = random.Next(2) == 0,
                CausalAlignment = (CausalAlignment)random.Next(2),
                Softcap = random.Next(2),
                NeedsGradient = random.Next(2) == 0,
                LeftWindow = random.Next(2) == 0 ? random.Next(100) : null,
            };
            Plan plan = Select(problem, Machines.CpuOnly, freeGibibytes: 1);
            Assert.NotNull(plan.Chosen);
            Assert.True(plan.VerdictOf("sliced")!.Runs);
            Assert.All(plan.Verdicts, verdict => Assert.Equal(verdict.Runs, verdict.Reasons.Count == 0));
            Assert.True(plan.EstimatedBytes > 0);
        }
    }

    [Theory]
    [InlineData("8.6", "8.6", true)]
    [InlineData("8.6", "8.9", true)]
    [InlineData("8.9", "8.6", false)]
    [InlineData("9.0", "10.0", false)]
    [InlineData("9.0+PTX", "10.0", true)]
    [InlineData("9.0+PTX", "8.9", false)]
    [InlineData("12.0", "12.1", true)]
    public void GpuArchitectures_MachineCode_RunsOnTheSameMajorAndNewerMinor(string built, string gpu, bool runs) =>
        Assert.Equal(runs, GpuArchitectures.HasCodeFor(new LibTorchInfo("2.10.0", "cu128", null, false, [built]), gpu));

    private static Plan Select(AttentionProblem problem, Machine machine, int freeGibibytes) =>
        AttentionSelector.Select(problem, new SelectionContext { Machine = machine }, (long)freeGibibytes << 30);
}
