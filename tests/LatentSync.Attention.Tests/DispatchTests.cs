using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Tests;

/// <summary>The hot path and its caches.</summary>
public sealed class DispatchTests
{
    private static readonly AttentionProblem Problem = AttentionProblem.Of(1, 8, 1024, 1024, 40);

    [Fact]
    public void Run_PlanCached_AllocatesNothing()
    {
        var loop = Loop(new Quarantine(), _ => null);
        // Two layers take turns on two problems, as in a network. The runtime allocates now and then while it compiles the methods anew:
        // the least of several rounds is the methods' own.
        long least = long.MaxValue;
        for (int round = 0; round < 20 && least > 0; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++)
            {
                loop.Run(Problem, i, "unet.spatial-self");
                loop.Run(Problem with { KeyLength = 50 }, i, "unet.audio-cross");
            }
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(0, least);
    }

    [Fact]
    public void Run_OneProblemOfSeveralLayers_IsCountedByLayer()
    {
        var loop = Loop(new Quarantine(), _ => null);
        for (int i = 0; i < 10; i++)
        {
            loop.Run(Problem, i, "a");
            loop.Run(Problem, i, i < 5 ? "b" : null);
        }
        Assert.Equal([("(unnamed)", 5L), ("a", 10L), ("b", 5L)], loop.Counters.Snapshot().Select(use => (use.Layer, use.Calls)));
        loop.Counters.Reset();
        Assert.Empty(loop.Counters.Snapshot());
        loop.Run(Problem, 0, "a"); // the counter that the route remembers still counts
        Assert.Equal(1, Assert.Single(loop.Counters.Snapshot()).Calls);
    }

    [Fact]
    public void ProblemKey_EqualProblems_HaveEqualHashesAndOthersAreTold()
    {
        var random = new Random(1);
        for (int i = 0; i < 2000; i++)
        {
            AttentionProblem one = Draw(random),
                other = Draw(random);
            AttentionProblem copy = one with { Scale = one.Scale };
            Assert.True(ProblemKey.AreEqual(one, copy));
            Assert.Equal(ProblemKey.Hash(one), ProblemKey.Hash(copy));
            Assert.Equal(one == other, ProblemKey.AreEqual(one, other));
        }
        Assert.True(ProblemKey.AreEqual(Problem with { Softcap = 0.0 }, Problem with { Softcap = -0.0 }));
        Assert.Equal(2000, Enumerable.Range(1, 2000).Select(n => ProblemKey.Hash(Problem with { KeyLength = n })).Distinct().Count());
    }

    /// <summary>Problems that share a slot of the small table, and far more problems than are kept.</summary>
    [Fact]
    public void Run_MoreProblemsThanAreKept_EachHasItsOwnPlan()
    {
        var loop = Loop(new Quarantine(), _ => null);
        for (int round = 0; round < 2; round++)
        {
            for (int length = 1; length <= 6000; length++)
            {
                Assert.Equal(length, loop.Run(Problem with { KeyLength = length }, 0));
            }
        }
    }

    [Fact]
    public void Run_ManyThreadsProblemsAndQuarantineFlips_EveryCallIsComputedOnceByABackendThatMay()
    {
        var quarantine = new Quarantine();
        var loop = Loop(quarantine, number => number % 7 == 0 ? new OutOfMemoryException() : null);
        int calls = 0;
        Parallel.For(
            0,
            16,
            thread =>
            {
                var random = new Random(thread);
                for (int i = 0; i < 2000; i++)
                {
                    AttentionProblem problem = Problem with { KeyLength = random.Next(1, 40), HeadDim = 8 * random.Next(1, 30) };
                    Assert.Equal(problem.KeyLength, loop.Run(problem, i, $"layer{thread % 3}"));
                    Interlocked.Increment(ref calls);
                    if (i % 50 == 0)
                    {
                        quarantine.Release();
                    }
                    else if (i % 77 == 0)
                    {
                        quarantine.Add("torch-math", problem, 1, FailureKind.Other, "by hand");
                    }
                }
            }
        );
        Assert.Equal(calls, loop.Counters.Snapshot().Sum(use => use.Calls));
        Assert.Equal(3, loop.Counters.Snapshot().Select(use => use.Layer).Distinct().Count());
    }

    [Fact]
    public void Run_FailsForMemoryThenForAnotherReason_WhatWasPassedOverIsTriedAtLast()
    {
        // torch-math and sliced take more than torch-flash had; they are passed over, but not given up.
        string[] tried = [];
        var loop = new FallbackLoop<int, int>(
            new FallbackLoopOptions { Machine = Machines.CpuOnly },
            [
                new Runner("torch-flash", _ => Tell("torch-flash", new OutOfMemoryException())),
                new Runner("torch-math", _ => Tell("torch-math", new DllNotFoundException("gone"))),
                new Runner("sliced", _ => Tell("sliced", null)),
            ]
        );
        AttentionProblem tiny = AttentionProblem.Of(1, 1, 4, 4, 8);
        Assert.Equal(4, loop.Run(tiny, 0));
        Assert.Equal("torch-flash", tried[0]);
        Assert.Equal("sliced", tried[^1]);

        Exception? Tell(string name, Exception? exception)
        {
            tried = [.. tried, name];
            return exception;
        }
    }

    private static FallbackLoop<int, int> Loop(Quarantine quarantine, Func<int, Exception?> flash) =>
        new(
            new FallbackLoopOptions { Machine = Machines.CpuOnly, Quarantine = quarantine },
            [new Runner("torch-flash", flash), new Runner("torch-math", _ => null), new Runner("sliced", _ => null)]
        );

    private static AttentionProblem Draw(Random random) =>
        Problem with
        {
            Batch = random.Next(1, 3),
            KeyLength = random.Next(1, 3),
            HeadDim = 8 * random.Next(1, 3),
            Scale = random.Next(2) == 0 ? null : 0.5,
            IsCausal = random.Next(2) == 0,
            LeftWindow = random.Next(3) == 0 ? random.Next(2) : null,
            Mask = random.Next(2) == 0 ? AttentionMask.None : AttentionMask.Of(AttentionMaskKind.Boolean, 1, 1, 1, 1),
        };

    /// <summary>Gives the number of keys, which tells the problems apart.</summary>
    private sealed class Runner(string name, Func<int, Exception?> fail) : IAttentionRunner<int, int>
    {
        public string Name => name;

        public int Run(in AttentionProblem problem, int inputs) => fail(inputs) is { } exception ? throw exception : problem.KeyLength;
    }
}
