using LatentSync.Attention.Constraints;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests;

public sealed class SlicingTests
{
    [Fact]
    public void SliceShape_RandomProblems_StaysInTheWorkspaceUnlessOneRowExceedsIt()
    {
        var random = new Random(3);
        for (int i = 0; i < 5000; i++)
        {
            int kv = random.Next(1, 9);
            AttentionProblem problem = AttentionProblem.Of(random.Next(1, 9000), kv, random.Next(1, 5000), random.Next(1, 5000), random.Next(1, 600)) with
            {
                HeadCount = kv * random.Next(1, 4),
                NeedsGradient = random.Next(2) == 0,
            };
            long workspace = 1L << random.Next(10, 29);
            SliceShape shape = SliceShape.For(problem, workspace);
            Assert.InRange(shape.Batches, 1, problem.Batch);
            Assert.InRange(shape.KvHeads, 1, problem.KvHeadCount);
            Assert.InRange(shape.Rows, 1, problem.QueryLength);
            Assert.True(shape.Batches == 1 || shape.KvHeads == problem.KvHeadCount, "several sequences only with all heads");
            Assert.True(shape.Rows == problem.QueryLength || shape is { Batches: 1, KvHeads: 1 }, "part of the rows only of one head");
            Assert.True(shape.WorkspaceBytes <= workspace || shape is { Batches: 1, KvHeads: 1, Rows: 1 }, $"{problem.Describe()} {workspace} {shape}");
        }
    }

    [Fact]
    public void Sliced_ScoreMatrixOf64GiB_IsEstimatedUnder300MiB()
    {
        AttentionProblem problem = AttentionProblem.Of(1, 4, 65_536, 65_536, 40);
        Assert.Equal(64L << 30, problem.ScoreCount * 4);
        Assert.InRange(SlicedRules.Backend.EstimateBytes(problem, Machines.CpuOnly) - problem.OutputBytes, 1, 300L << 20);
        Assert.InRange(TorchMathRules.Backend.EstimateBytes(problem, Machines.CpuOnly), 2 * (64L << 30), 3 * (64L << 30));
    }

    [Theory]
    [InlineData(8192, 8, 1, 65_535)] // LatentSync at 512 px with guidance: 65 536 sequences x heads, one too many
    [InlineData(1, 8, 1, 65_535)]
    [InlineData(5, 6, 2, 4)]
    [InlineData(5, 6, 3, 3)]
    [InlineData(2, 70_000, 1, 65_535)]
    [InlineData(0, 3, 1, 10)]
    public void LaunchChunks_AnyCall_CoversEveryHeadOnceWithinTheLimit(int batch, int heads, int group, int limit)
    {
        var seen = new HashSet<long>();
        foreach (LaunchChunk chunk in LaunchChunks.Split(batch, heads, group, limit))
        {
            Assert.InRange((long)chunk.BatchCount * chunk.HeadCount, 1, limit);
            Assert.Equal(0, chunk.HeadStart % group);
            Assert.Equal(0, chunk.HeadCount % group);
            for (int b = chunk.BatchStart; b < chunk.BatchStart + chunk.BatchCount; b++)
            {
                for (int h = chunk.HeadStart; h < chunk.HeadStart + chunk.HeadCount; h++)
                {
                    Assert.True(seen.Add((long)b * heads + h));
                }
            }
        }
        Assert.Equal((long)batch * heads, seen.Count);
    }
}
