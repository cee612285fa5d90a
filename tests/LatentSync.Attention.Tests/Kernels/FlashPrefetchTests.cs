using System.Runtime.InteropServices;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Problems with so few keys and so many queries that the kernels prefetch: tasks are taken early, and rows of other heads and
/// sequences looked up.</summary>
public sealed class FlashPrefetchTests
{
    /// <summary>As LatentSync's temporal attention: staged heads.</summary>
    private static readonly FlashCase Frames = new()
    {
        Seed = 28,
        Batch = 50,
        KvHeads = 64,
        Queries = 16,
        Keys = 16,
        HeadDim = 24,
        ValueDim = 24,
        QueryLayout = Layout.LengthFirst,
        KeyLayout = Layout.LengthFirst,
        ValueLayout = Layout.LengthFirst,
        OutputLayout = Layout.LengthFirst,
    };

    /// <summary>As its cross-attention: many blocks of queries, one of keys.</summary>
    private static readonly FlashCase FewKeys = new()
    {
        Seed = 32,
        Batch = 3,
        KvHeads = 5,
        Group = 2,
        Queries = 1100,
        Keys = 50,
        HeadDim = 64,
        ValueDim = 64,
    };

    private static readonly FlashCase[] Cases =
    [
        Frames,
        Frames with
        {
            HeadDim = 19,
            ValueDim = 40,
            Sequences = SequenceLengths.KeysInUse,
            IsCausal = true,
        },
        Frames with
        {
            Batch = 40,
            KvHeads = 7,
            Queries = 13,
            Keys = 9,
            HeadDim = 256,
            ValueDim = 512,
        },
        FewKeys,
        FewKeys with
        {
            Batch = 7,
            Sequences = SequenceLengths.Packed,
        },
        FewKeys with
        {
            Batch = 300,
            KvHeads = 10,
            Queries = 12,
            Keys = 3,
            Sequences = SequenceLengths.Packed,
        },
        FewKeys with
        {
            ValueDim = 96,
            Keys = 96,
            IsCausal = true,
            Alignment = CausalAlignment.BottomRight,
            Mask = AttentionMaskKind.Boolean,
            MaskBroadcast = 3,
        },
        FewKeys with
        {
            KvHeads = 20,
            Group = 1,
            Queries = 600,
            Keys = 17,
            LeftWindow = 300,
            RightWindow = 5,
            Dropout = 0.1,
            QueryLayout = Layout.LengthFirst,
            OutputLayout = Layout.LengthFirst,
        },
        FewKeys with
        {
            DType = AttentionDType.BFloat16,
            Batch = 7,
            Keys = 40,
        },
    ];

    public static TheoryData<int> Indices() => [.. Enumerable.Range(0, Cases.Length)];

    [Theory]
    [MemberData(nameof(Indices))]
    public void Forward_ManyQueriesFewKeys_IsRight(int index)
    {
        Assert.True(Bytes(Cases[index]) > FlashTuning.CachedBytes, "too small for the kernels to prefetch anything");
        Cases[index].Check();
    }

    [Theory]
    [MemberData(nameof(Indices))]
    public void Backward_ManyQueriesFewKeys_IsTheGradient(int index) => (Cases[index] with { Threads = 2 }).CheckGradients();

    [Theory]
    [MemberData(nameof(Indices))]
    public void BothPasses_AnyNumberOfThreads_GiveTheSameBits(int index)
    {
        FlashCase problem = Cases[index] with { DType = AttentionDType.Float32 };
        float[][] first = Results(problem, 1);
        foreach (int threads in (int[])[1, 2, 7])
        {
            foreach ((float[] expected, float[] actual) in first.Zip(Results(problem, threads)))
            {
                Assert.True(
                    MemoryMarshal.AsBytes<float>(expected).SequenceEqual(MemoryMarshal.AsBytes<float>(actual)),
                    $"{threads} threads"
                );
            }
        }
    }

    private static float[][] Results(FlashCase problem, int threads)
    {
        var forward = new FlashRun<float>(problem);
        forward.Run(threads);
        var backward = new FlashGradientRun<float>(problem);
        backward.Run(threads);
        return [forward.Output.Memory, backward.Query.Memory, backward.Key.Memory, backward.Value.Memory];
    }

    private static long Bytes(FlashCase problem)
    {
        var run = new FlashRun<Half>(problem with { DType = AttentionDType.Float16 });
        long elements = (long)run.Query.Memory.Length + run.Key.Memory.Length + run.Value.Memory.Length + run.Output.Memory.Length;
        return elements * (problem.DType == AttentionDType.BFloat16 ? 2 : 4);
    }
}
