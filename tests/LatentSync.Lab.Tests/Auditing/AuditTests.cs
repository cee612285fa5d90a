using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Lab.Auditing;
using LatentSync.Lab.FaultInjection;
using static TorchSharp.torch;

namespace LatentSync.Lab.Tests.Auditing;

/// <summary>The audit: it sees what is wrong, and its random problems touch what they should.</summary>
public sealed class AuditTests
{
    private static readonly AuditOptions Nothing = new() { Machine = TorchMachine.Describe(), Problems = 0 };

    [Fact]
    public void Run_RandomCpuProblems_VerdictsEqualLibtorchs()
    {
        const int Problems = 2000;

        AuditReport report = AttentionAudit.Run(Nothing with { Problems = Problems });

        Assert.True(report.Passed, AuditText.Render(report));
        Assert.Equal(Problems, report.Rules!.Equal);
        // The generator must not have missed a side.
        Assert.All(["Flash", "Math"], choice => Assert.InRange(report.Rules.Choices[choice], Problems / 5, Problems));
    }

    [Fact]
    public void Run_Faults_EachIsToldOnceAndEveryResultIsRight()
    {
        AuditReport report = AttentionAudit.Run(Nothing with { Faults = 120, Seed = 5 });

        FaultAuditResult faults = report.Faults!;
        Assert.True(report.Passed, AuditText.Render(report));
        Assert.InRange(faults.Injected, 120, 124);
        Assert.Equal(faults.Injected, faults.Kinds.Values.Sum());
        Assert.Equal(FaultAudit.Kinds.Count, faults.Kinds.Count); // every kind that an exception tells
        Assert.Equal(faults.Kinds[nameof(FaultKind.DeviceLost)], faults.PassedOn);
        Assert.Equal(faults.Injected - faults.PassedOn, faults.Incidents);
        Assert.True(faults.Backends.Count >= 3 && faults.LargestError > 0, AuditText.Render(report));
    }

    [Fact]
    public void Run_RulesThatDoNotFit_ShowsTheProblemsAndFails()
    {
        // The rules of a libtorch before 2.5, which took no grouped heads.
        Machine old = Nothing.Machine with
        {
            LibTorch = Nothing.Machine.LibTorch! with { Version = "2.1.0" },
        };
        AuditReport report = AttentionAudit.Run(Nothing with { Problems = 200, Machine = old });

        Assert.False(report.Passed);
        Assert.InRange(report.Rules!.Equal, 1, 199);
        Assert.Equal(Math.Min(20, 200 - report.Rules.Equal), report.Rules.Disagreements.Count);
        RuleDisagreement first = report.Rules.Disagreements[0];
        Assert.NotEqual(first.Ours, first.LibTorch);
        Assert.Contains("audit FAILED", AuditText.Render(report), StringComparison.Ordinal);
        Assert.Contains(first.Problem, AuditText.Render(report), StringComparison.Ordinal);
    }

    [Fact]
    public void Passed_PeakBeyondItsEstimate_IsFalse()
    {
        var memory = new MemoryAuditResult("played", 10, [new("torch-math", "a", 100, 110), new("sliced", "b", 100, 111)], []);
        var report = new AuditReport("cpu", 1, "2.10.0", null, null, memory);

        Assert.False(report.Passed);
        Assert.Contains("1 of 2 peaks", AuditText.Render(report), StringComparison.Ordinal);
        Assert.Contains("BEYOND sliced", AuditText.Render(report), StringComparison.Ordinal);
        Assert.True((report with { Memory = memory with { AllowedBeyondBytes = 11 } }).Passed);
    }

    [Fact]
    public void Measure_CallThatTakes64MiB_SeesThem()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/proc/self/clear_refs"), "the peak is read from Linux's /proc");

        long peak = PeakMeter.For(AttentionDevice.Cpu)!.Measure(() => ones(64 << 20, dtype: ScalarType.Byte).Dispose());

        Assert.InRange(peak, 63L << 20, 80L << 20);
    }

    [Theory]
    [InlineData("cuda:77", "cuda:77")]
    [InlineData("mps", "mps")]
    public void Objection_DeviceThatIsNotThere_NamesIt(string device, string named) =>
        Assert.Contains(named, AttentionAudit.Objection(AttentionDevice.Parse(device)), StringComparison.Ordinal);

    /// <summary>The sets drawn for CUDA, looked at on the CPU: only the tensors' place differs.</summary>
    [Fact]
    public void Draw_SameSeed_GivesTheSameProblems()
    {
        using var scope = NewDisposeScope();
        RandomProblem one = new RandomProblems(3, AttentionDevice.Cpu).Draw(),
            other = new RandomProblems(3, AttentionDevice.Cpu).Draw();

        Assert.True(one.Query.Equals(other.Query) && one.Key.Equals(other.Key) && one.Value.Equals(other.Value));
        Assert.Equal(one.Arguments with { Mask = null }, other.Arguments with { Mask = null });
    }
}
