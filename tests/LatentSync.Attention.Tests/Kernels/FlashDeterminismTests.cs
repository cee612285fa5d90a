using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>The bits do not depend on the threads, nor on who else calls.</summary>
public sealed class FlashDeterminismTests
{
    private static readonly FlashCase[] Cases =
    [
        new()
        {
            Seed = 4,
            Batch = 2,
            KvHeads = 4,
            Queries = 300,
            Keys = 300,
            HeadDim = 40,
            ValueDim = 40,
        },
        new()
        {
            Seed = 8,
            Batch = 40,
            KvHeads = 8,
            Queries = 16,
            Keys = 16,
            HeadDim = 40,
            ValueDim = 40,
            QueryLayout = Layout.LengthFirst,
            KeyLayout = Layout.LengthFirst,
            ValueLayout = Layout.LengthFirst,
            OutputLayout = Layout.LengthFirst,
            DType = AttentionDType.Float16,
        },
        new()
        {
            Seed = 12,
            KvHeads = 2,
            Group = 4,
            Queries = 130,
            Keys = 777,
            HeadDim = 64,
            ValueDim = 32,
            IsCausal = true,
            Mask = AttentionMaskKind.Boolean,
        },
        new()
        {
            Seed = 16,
            Batch = 3,
            KvHeads = 2,
            Group = 2,
            Queries = 1,
            Keys = 2000,
            HeadDim = 64,
            ValueDim = 64,
            Sequences = SequenceLengths.Paged,
        },
        new()
        {
            Seed = 20,
            Queries = 768,
            Keys = 800,
            HeadDim = 40,
            ValueDim = 40,
            LeftWindow = 100,
        },
        new()
        {
            Seed = 24,
            Batch = 2,
            Queries = 3,
            Keys = 1500,
            HeadDim = 64,
            ValueDim = 64,
            Mask = AttentionMaskKind.Additive,
            Softcap = 5,
            Sequences = SequenceLengths.PackedQueries,
        },
    ];

    public static TheoryData<int> Indices() => [.. Enumerable.Range(0, Cases.Length)];

    [Theory]
    [MemberData(nameof(Indices))]
    public void Forward_AnyNumberOfThreads_GivesTheSameBits(int index)
    {
        float[] first = Output(index, 1);
        for (int i = 0; i < 5; i++)
        {
            foreach (int? threads in (int?[])[1, 2, 3, 100, null])
            {
                Assert.Equal(first.Select(BitConverter.SingleToUInt32Bits), Output(index, threads).Select(BitConverter.SingleToUInt32Bits));
            }
        }
    }

    [Fact]
    public void Forward_FromSeveralThreadsAtOnce_IsRight()
    {
        float[][] alone = [.. Cases.Select((_, i) => Output(i, 1))];
        Exception? failure = null;
        Thread[] callers =
        [
            .. Enumerable
                .Range(0, 6)
                .Select(caller => new Thread(() =>
                {
                    try
                    {
                        for (int i = 0; i < 20; i++)
                        {
                            int index = (caller + i) % Cases.Length;
                            Assert.Equal(alone[index], Output(index, caller % 2 == 0 ? null : 2));
                        }
                    }
                    catch (Exception exception)
                    {
                        failure = exception;
                    }
                })),
        ];
        foreach (Thread caller in callers)
        {
            caller.Start();
        }
        foreach (Thread caller in callers)
        {
            caller.Join();
        }
        Assert.Null(failure);
    }

    [Fact]
    public void Forward_OnceWarm_AllocatesNothing()
    {
        foreach (int threads in (int[])[1, 2])
        {
            foreach (FlashCase problem in Cases)
            {
                var run = new FlashRun<float>(problem with { DType = AttentionDType.Float32 });
                Assert.Equal(0, run.AllocatedBytes(threads));
            }
        }
    }

    private static float[] Output(int index, int? threads)
    {
        if (Cases[index].DType == AttentionDType.Float16)
        {
            var half = new FlashRun<Half>(Cases[index]);
            half.Run(threads);
            return [.. half.Output.Memory.Select(number => (float)number)];
        }
        var run = new FlashRun<float>(Cases[index]);
        run.Run(threads);
        return run.Output.Memory;
    }
}
