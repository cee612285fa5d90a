using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Tests;

/// <summary>What `attention explain` says.</summary>
public sealed class PlanTextTests
{
    private static readonly AttentionProblem OnCuda = AttentionProblem.Of(1, 8, 1024, 1024, 40) with { Device = AttentionDevice.Cuda() };

    [Fact]
    public void Of_NothingRuns_NoRemedySaysThatAnotherBackendDoes()
    {
        Plan plan = Select(OnCuda, Machines.CpuOnly, Policy.Auto);
        Assert.Null(plan.Chosen);
        string english = PlanText.Of(plan, 1L << 30, Language.English),
            chinese = PlanText.Of(plan, 1L << 30, Language.Chinese);
        Assert.DoesNotContain("none needed", english, StringComparison.Ordinal);
        Assert.DoesNotContain("无需处理", chinese, StringComparison.Ordinal);
        Assert.Contains("remedy: use Device cpu; or another GPU's index\n", english.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Contains("解决办法：使用 Device cpu；或换用其他 GPU 的编号", chinese, StringComparison.Ordinal);
        Assert.DoesNotContain(
            PlanText.VerdictsOf(plan, Language.English).SelectMany(verdict => verdict.Reasons),
            reason => reason.Remedy.Contains("none needed", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Of_RequiredBackendRefused_KeepsOnlyTheStepsThatHelp()
    {
        Plan plan = Select(OnCuda, Machines.A10, Policy.Require("torch-flash"));
        Reason reason = Assert.Single(PlanText.VerdictsOf(plan, Language.English)[0].Reasons);
        Assert.Equal(("ATT0802", "DType f16"), (reason.Code, reason.Remedy));
        Plan tooLong = Select(OnCuda with { HeadDim = 512, DType = AttentionDType.Float16 }, Machines.A10, Policy.Require("torch-flash"));
        string text = PlanText.Of(tooLong, null, Language.English).ReplaceLineEndings("\n");
        Assert.Contains("required: headDim <= 256 and valueDim <= 256\n", text, StringComparison.Ordinal); // no step is left
    }

    [Fact]
    public void Of_AnotherRuns_SaysThatNothingIsNeeded()
    {
        Plan plan = Select(OnCuda, Machines.A10, Policy.Auto);
        Assert.Contains("none needed, another backend runs", PlanText.Of(plan, null, Language.English), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_English_HasTheProblemTheMemoryTheChoiceAndEveryVerdict()
    {
        Plan plan = Select(OnCuda with { DType = AttentionDType.Float16 }, Machines.A10, Policy.Auto);
        string[] lines = PlanText.Of(plan, 3L << 29, Language.English).Split('\n', StringSplitOptions.TrimEntries);
        Assert.Equal("B 1, H 8, Lq 1024, Lk 1024, headDim 40, float16, cuda:0", lines[0]);
        Assert.Equal("free memory: 1.5 GiB", lines[1]);
        Assert.Equal($"chosen: {plan.Chosen} (then {string.Join(", ", plan.Order)})", lines[2]);
        Assert.StartsWith("torch-flash    runs, ", lines[3], StringComparison.Ordinal);
        Assert.Contains("free memory: unknown", PlanText.Of(plan, null, Language.English), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_Chinese_IsWhollyChinese()
    {
        var random = new Random(5);
        foreach (Machine machine in RandomProblems.Machines)
        {
            for (int i = 0; i < 30; i++)
            {
                Policy policy = (i % 3) switch
                {
                    0 => Policy.Auto,
                    1 => Policy.Require("torch-flash"),
                    _ => Policy.Forbid("sliced", "torch-math"),
                };
                string text = PlanText.Of(
                    Select(RandomProblems.Draw(random), machine, policy),
                    i % 2 == 0 ? null : 1L << 30,
                    Language.Chinese
                );
                WordingTests.AssertChinese(machine.Os, text);
                Assert.DoesNotMatch("chosen|remedy|found|required|memory", text);
            }
        }
    }

    [Fact]
    public void Flash_CpuLibTorchAskedForCuda_IsToldOnceThatItIsTheCpus()
    {
        Plan plan = Select(
            OnCuda with
            {
                DType = AttentionDType.Float16,
            },
            Machines.A10 with
            {
                LibTorch = Machines.CpuOnly.LibTorch,
            },
            Policy.Auto
        );
        Assert.Equal(["ATT0103"], plan.VerdictOf("torch-flash")!.Reasons.Select(reason => reason.Code));
    }

    private static Plan Select(AttentionProblem problem, Machine machine, Policy policy) =>
        AttentionSelector.Select(problem, new SelectionContext { Machine = machine, Policy = policy }, 8L << 30);
}
