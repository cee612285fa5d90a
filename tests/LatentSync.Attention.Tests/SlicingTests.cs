using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;

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
            AttentionProblem problem = AttentionProblem.Of(
                random.Next(1, 9000),
                kv,
                random.Next(1, 5000),
                random.Next(1, 5000),
                random.Next(1, 600)
            ) with
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
            Assert.True(
                shape.WorkspaceBytes <= workspace || shape is { Batches: 1, KvHeads: 1, Rows: 1 },
                $"{problem.Describe()} {workspace} {shape}"
            );
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

    /// <summary>Any call, also with shared key heads: the parts are disjoint, leave nothing out, and each can be launched.</summary>
    [Fact]
    public void LaunchChunks_RandomCalls_AreDisjointCoverEverythingAndFit()
    {
        const int seed = 17;
        var random = new Random(seed);
        for (int i = 0; i < 3000; i++)
        {
            int group = random.Next(1, 9),
                heads = group * random.Next(1, 40),
                batch = random.Next(0, 300);
            int limit = random.Next(2) == 0 ? random.Next(group, 2000) : 65_535;
            string call = $"seed {seed}, call {i}: batch {batch}, heads {heads}, group {group}, limit {limit}";
            var owner = new bool[batch * heads];
            foreach (LaunchChunk chunk in LaunchChunks.Split(batch, heads, group, limit))
            {
                Assert.True(
                    chunk is { BatchCount: > 0, HeadCount: > 0 } && (long)chunk.BatchCount * chunk.HeadCount <= limit,
                    $"{call}: {chunk}"
                );
                Assert.True(chunk.HeadStart % group == 0 && chunk.HeadCount % group == 0, $"{call}: {chunk} parts a group");
                for (int b = chunk.BatchStart; b < chunk.BatchStart + chunk.BatchCount; b++)
                {
                    for (int h = chunk.HeadStart; h < chunk.HeadStart + chunk.HeadCount; h++)
                    {
                        if (owner[b * heads + h])
                        {
                            Assert.Fail($"{call}: ({b}, {h}) twice");
                        }
                        owner[b * heads + h] = true;
                    }
                }
            }
            Assert.True(Array.TrueForAll(owner, covered => covered), $"{call}: something is left out");
        }
    }

    /// <summary>The rule asks for a split exactly when a call does not fit into one launch.</summary>
    [Theory]
    [InlineData(65_535, 1, 1)]
    [InlineData(65_536, 1, 2)]
    [InlineData(8191, 8, 1)]
    [InlineData(8192, 8, 2)]
    [InlineData(1, 65_536, 2)]
    [InlineData(131_070, 1, 2)]
    public void LaunchChunks_LimitOfCuda_SplitsFrom65536On(int batch, int heads, int parts)
    {
        Assert.Equal(parts, LaunchChunks.Split(batch, heads, 1, FusedRules.LaunchLimit).Count());
        AttentionProblem problem = AttentionProblem.Of(batch, heads, 16, 16, 40) with
        {
            DType = AttentionDType.Float16,
            Device = AttentionDevice.Cuda(),
        };
        foreach (BackendRules backend in new[] { TorchFlashRules.Backend, TorchEfficientRules.Backend, TorchCuDnnRules.Backend })
        {
            var subject = new ConstraintSubject(problem, Machines.H200, 0, null);
            bool asks = false;
            foreach (Constraint rule in backend.Constraints.Where(rule => rule.Repair == "the call is split"))
            {
                asks |= rule.Violation(subject) is not null;
            }
            Assert.Equal(parts > 1, asks);
        }
    }
}
