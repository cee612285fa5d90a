using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Tests;

/// <summary>Sizes near the limits of their types: refused, or answered with numbers that are no less than the truth.</summary>
public sealed class HugeProblemTests
{
    private static readonly int[] Sizes = [1, 2, 40, 4096, 70_000, 1 << 20, 1 << 24, 1 << 28, 1 << 30, int.MaxValue - 1, int.MaxValue];

    [Fact]
    public void Validate_OperandsBeyondAllMemory_SaysSo()
    {
        AttentionProblem problem = AttentionProblem.Of(int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue);
        Assert.Contains("2^62", Assert.Throws<ArgumentException>(problem.Validate).Message, StringComparison.Ordinal);
        Assert.Equal((long.MaxValue, long.MaxValue), (problem.ScoreCount, problem.OutputBytes));
        Assert.True(problem.FlopCount > 1e46);
        AttentionProblem keys = AttentionProblem.Of(1, 1, 1, int.MaxValue, int.MaxValue); // the keys alone
        Assert.Throws<ArgumentException>(keys.Validate);
        (keys with { ValueDim = 1, HeadDim = 1 << 28 }).Validate(); // 2^31 · 2^28 · 4 bytes are just below the bound
    }

    [Fact]
    public void EstimateBytes_RandomHugeProblems_NeverNegativeAndNeverBelowTheResult()
    {
        var random = new Random(17);
        int valid = 0;
        for (int i = 0; i < 60_000; i++)
        {
            AttentionProblem problem = RandomProblems.Draw(random);
            problem = problem with
            {
                Batch = Pick(),
                HeadCount = problem.IsGrouped ? Pick() : 1,
                KvHeadCount = 1,
                QueryLength = Pick(),
                KeyLength = Pick(),
                HeadDim = Pick(),
                ValueDim = Pick(),
            };
            if (problem.Mask.Kind != AttentionMaskKind.None)
            {
                problem = problem with
                {
                    Mask = problem.Mask with
                    {
                        Batch = problem.Batch,
                        Heads = problem.HeadCount,
                        Rows = problem.QueryLength,
                        Columns = problem.KeyLength,
                    },
                };
            }
            Machine machine = RandomProblems.Machines[random.Next(RandomProblems.Machines.Count)];
            if (!IsValid(problem))
            {
                continue;
            }
            valid++;
            Assert.InRange(problem.FlopCount, 1, double.MaxValue);
            foreach (BackendRules backend in AttentionRules.Backends)
            {
                long estimate = backend.EstimateBytes(problem, machine);
                Assert.True(
                    estimate >= problem.OutputBytes && estimate >= OperandBytes.Fixed,
                    $"{backend.Name} {estimate}: {problem.Describe()}"
                );
            }
            double scores = (double)problem.Batch * problem.HeadCount * problem.QueryLength * problem.KeyLength;
            Assert.True(TorchMathRules.Backend.EstimateBytes(problem, machine) >= Math.Min(scores, long.MaxValue), problem.Describe());
            Plan plan = AttentionSelector.Select(problem, new SelectionContext { Machine = machine }, 64L << 30);
            Assert.True(plan.EstimatedBytes >= 0 && plan.ValidFromFreeBytes >= 0 && plan.ValidFromFreeBytes < plan.ValidBelowFreeBytes);
        }
        Assert.InRange(valid, 10_000, 59_000);

        int Pick() => Sizes[random.Next(3) == 0 ? random.Next(Sizes.Length) : random.Next(5)];
    }

    private static bool IsValid(in AttentionProblem problem)
    {
        try
        {
            problem.Validate();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
