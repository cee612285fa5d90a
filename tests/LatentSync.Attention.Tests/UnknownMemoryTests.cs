using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Tests;

/// <summary>Where nothing can tell how much memory is free, a large score matrix is no first choice.</summary>
public sealed class UnknownMemoryTests
{
    private static readonly AttentionDevice Mps = new(AttentionDeviceKind.Mps, 0);

    [Theory]
    [InlineData(AttentionDeviceKind.Cpu)]
    [InlineData(AttentionDeviceKind.Mps)]
    [InlineData(AttentionDeviceKind.Other)]
    public void Select_LargeScoresAndUnknownMemory_SlicesBeforeTheStandardPath(AttentionDeviceKind kind)
    {
        AttentionProblem large = AttentionProblem.Of(1, 8, 16_384, 16_384, 64) with { Device = new AttentionDevice(kind, 0) };
        Assert.Equal(["sliced", "torch-math"], Order(large, null));
        Assert.Equal(["torch-math", "sliced"], Order(large, 1L << 40)); // known to fit
        Assert.Equal(["sliced"], Order(large, 1L << 30));
        Assert.Equal(["torch-math", "sliced"], Order(large with { QueryLength = 64 }, null));
    }

    [Fact]
    public void Select_AtTheBound_OneByteDecides()
    {
        AttentionProblem one = AttentionProblem.Of(1, 1, 16_384, 16_384, 64) with { Device = Mps }; // 2^28 scores of 4 bytes
        Assert.Equal(["torch-math", "sliced"], Order(one, null));
        Assert.Equal(["sliced", "torch-math"], Order(one with { KeyLength = 16_385 }, null));
        Assert.Equal(["torch-math", "sliced"], Order(one with { KeyLength = 16_385 }, 64L << 30));
    }

    private static string[] Order(AttentionProblem problem, long? free)
    {
        Plan plan = AttentionSelector.Select(
            problem,
            new SelectionContext { Machine = Machines.CpuOnly, Policy = Policy.Forbid("managed-flash", "torch-flash") },
            free
        );
        return [plan.Chosen!, .. plan.Order];
    }
}
