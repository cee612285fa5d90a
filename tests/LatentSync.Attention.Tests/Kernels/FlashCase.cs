using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Where sequences of different lengths have their keys and queries.</summary>
internal enum SequenceLengths
{
    Equal,
    KeysInUse,
    Packed,
    PackedQueries,
    Paged,
    PagedPackedQueries,
}

/// <summary>Sizes and options of a call; together with the seed, all of it.</summary>
internal sealed record FlashCase
{
    private static readonly int[] Lengths =
    [
        1,
        2,
        3,
        5,
        7,
        11,
        13,
        15,
        16,
        17,
        31,
        32,
        33,
        37,
        61,
        63,
        64,
        65,
        95,
        96,
        97,
        101,
        127,
        128,
        129,
        191,
        193,
        211,
        307,
        577,
        599,
        600,
    ];

    private static readonly int[] Dims = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 40, 63, 64, 65, 80, 97, 127, 128, 129, 159, 160];

    public int Seed { get; init; }

    public AttentionDType DType { get; init; } = AttentionDType.Float32;

    public int Batch { get; init; } = 1;

    public int KvHeads { get; init; } = 1;

    /// <summary>Query heads per key head.</summary>
    public int Group { get; init; } = 1;

    public int Queries { get; init; }

    public int Keys { get; init; }

    public int HeadDim { get; init; }

    public int ValueDim { get; init; }

    public SequenceLengths Sequences { get; init; }

    public int PageSize { get; init; } = 16;

    public AttentionMaskKind Mask { get; init; }

    /// <summary>Dimensions of the mask that are 1, as bits: 1 batch, 2 heads, 4 queries, 8 keys.</summary>
    public int MaskBroadcast { get; init; }

    /// <summary>Share of keys that a mask leaves.</summary>
    public double MaskDensity { get; init; } = 0.7;

    public bool IsCausal { get; init; }

    public CausalAlignment Alignment { get; init; }

    public int? LeftWindow { get; init; }

    public int? RightWindow { get; init; }

    public double? Scale { get; init; }

    public double Softcap { get; init; }

    /// <summary>0 none, 1 per head, 2 per sequence and head.</summary>
    public int Alibi { get; init; }

    /// <summary>Probability that a weight is dropped.</summary>
    public double Dropout { get; init; }

    /// <summary>Largest element of query and key.</summary>
    public double Amplitude { get; init; } = 1;

    /// <summary>Gradients will be wanted: values and keys stay so small that products with them have room in the type.</summary>
    public bool HasGradients { get; init; }

    /// <summary>Scores, masks and values of any size up to the type's largest number, drawn log-uniformly; the dot products are exact in
    /// the type.</summary>
    public bool IsOfAnySize { get; init; }

    public int? Threads { get; init; }

    public Layout QueryLayout { get; init; } = Layout.Dense;

    public Layout KeyLayout { get; init; } = Layout.Dense;

    public Layout ValueLayout { get; init; } = Layout.Dense;

    public Layout OutputLayout { get; init; } = Layout.Dense;

    public Layout MaskLayout { get; init; } = Layout.Dense;

    public int Heads => KvHeads * Group;

    private double Work => (double)Batch * Heads * Queries * Keys * (HeadDim + ValueDim);

    /// <summary>A case for a seed: the same one each time.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="work">Multiply-adds at most.</param>
    public static FlashCase Draw(int seed, double work)
    {
        var random = new Random(seed);
        int dim = Dim();
        var drawn = new FlashCase
        {
            Seed = seed,
            DType = (AttentionDType)random.Next(4),
            Batch = random.Next(60) == 0 ? 0 : random.Next(1, 5),
            KvHeads = random.Next(1, 4),
            Group = Chance(3) ? random.Next(2, 6) : 1,
            Queries = Length(),
            Keys = Length(),
            HeadDim = dim,
            ValueDim = Chance(3) ? Dim() : dim,
            Sequences = Chance(3) ? (SequenceLengths)random.Next(1, 6) : SequenceLengths.Equal,
            PageSize = random.Next(4) == 0 ? 16 : random.Next(1, 40),
            Mask = Chance(3) ? (AttentionMaskKind)random.Next(1, 3) : AttentionMaskKind.None,
            MaskBroadcast = random.Next(16),
            MaskDensity = random.Next(4) switch
            {
                0 => 0.1,
                1 => 0.5,
                2 => 0.9,
                _ => 1,
            },
            IsCausal = Chance(4),
            Alignment = (CausalAlignment)random.Next(2),
            LeftWindow = Chance(6) ? random.Next(40) : null,
            RightWindow = Chance(6) ? random.Next(40) : null,
            Scale = Chance(5)
                ? random.Next(5) switch
                {
                    0 => 0,
                    1 => -0.5,
                    2 => 1,
                    3 => 0.01,
                    _ => 2,
                }
                : null,
            Softcap = Chance(6)
                ? random.Next(2) == 0
                    ? 2
                    : 30
                : 0,
            Alibi = Chance(6) ? random.Next(1, 3) : 0,
            Dropout = seed % 7 == 3 ? 0.25 : 0,
            Amplitude = random.Next(4) switch
            {
                0 => 0.1,
                1 => 4,
                _ => 1,
            },
            Threads = random.Next(3) switch
            {
                0 => 1,
                1 => 2,
                _ => null,
            },
            QueryLayout = Layout.Draw(random, mayBroadcast: true),
            KeyLayout = Layout.Draw(random, mayBroadcast: true),
            ValueLayout = Layout.Draw(random, mayBroadcast: true),
            OutputLayout = Layout.Draw(random, mayBroadcast: false),
            MaskLayout = Layout.Draw(random, mayBroadcast: true),
        };
        while (drawn.Work > work)
        {
            drawn = random.Next(5) switch
            {
                0 => drawn with { Batch = Math.Max(1, drawn.Batch - 1) },
                1 => drawn with { KvHeads = Math.Max(1, drawn.KvHeads - 1) },
                2 => drawn with { Group = Math.Max(1, drawn.Group - 1) },
                3 => drawn with { Queries = Math.Max(1, drawn.Queries * 2 / 3) },
                _ => drawn with { Keys = Math.Max(1, drawn.Keys * 2 / 3) },
            };
        }
        return drawn;

        bool Chance(int oneIn) => random.Next(oneIn) == 0;

        int Dim() => Chance(2) ? random.Next(1, 161) : Dims[random.Next(Dims.Length)];

        int Length() =>
            random.Next(50) == 0 ? 0
            : random.Next(3) == 0 ? random.Next(1, 601)
            : Lengths[random.Next(Lengths.Length)];
    }

    /// <summary>A case with gradients for a seed: keys in pages have none.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="work">Multiply-adds at most.</param>
    public static FlashCase DrawWithGradients(int seed, double work)
    {
        FlashCase drawn = Draw(seed, work);
        return drawn with
        {
            HasGradients = true,
            Sequences = drawn.Sequences switch
            {
                SequenceLengths.Paged => SequenceLengths.KeysInUse,
                SequenceLengths.PagedPackedQueries => SequenceLengths.PackedQueries,
                _ => drawn.Sequences,
            },
        };
    }

    /// <summary>A case of decoding for a seed: 1 to 4 queries of a key head, hundreds or thousands of keys; every second one with nothing
    /// done to the scores.</summary>
    /// <param name="seed">Any number.</param>
    public static FlashCase DrawDecoding(int seed)
    {
        var random = new Random(seed);
        FlashCase drawn = Draw(seed, 1e4);
        int group = random.Next(1, 5);
        bool isPlain = Chance(2);
        return drawn with
        {
            Batch = random.Next(1, 4),
            Group = group,
            Queries = random.Next(1, Math.Max(2, 4 / group + 1)),
            Keys = random.Next(5) switch
            {
                0 => 256,
                1 => random.Next(250, 260),
                2 => random.Next(1000, 3000),
                _ => random.Next(256, 1100),
            },
            Sequences = Chance(2) ? (SequenceLengths)random.Next(1, 6) : SequenceLengths.Equal,
            Mask = isPlain || Chance(2) ? AttentionMaskKind.None : (AttentionMaskKind)random.Next(1, 3),
            Softcap = isPlain || Chance(2) ? 0 : 5,
            Alibi = isPlain || Chance(2) ? 0 : random.Next(1, 3),
            Dropout = 0,
        };

        bool Chance(int oneIn) => random.Next(oneIn) == 0;
    }

    /// <summary>A drawn case with numbers of any size. A softcap comes without a bias: a rounding of its tanh, added to a large one, is
    /// another score.</summary>
    public FlashCase OfAnySize() =>
        this with
        {
            IsOfAnySize = true,
            Mask = Mask == AttentionMaskKind.None && Seed % 2 == 0 ? AttentionMaskKind.Additive : Mask,
            Softcap = Seed % 2 != 0 && Mask != AttentionMaskKind.Additive ? Softcap : 0,
        };

    /// <summary>Runs the case and checks everything about its result.</summary>
    public void Check()
    {
        switch (DType)
        {
            case AttentionDType.Float16:
                new FlashRun<Half>(this).Check();
                break;
            case AttentionDType.BFloat16:
                new FlashRun<BFloat16>(this).Check();
                break;
            case AttentionDType.Float64:
                new FlashRun<double>(this).Check();
                break;
            default:
                new FlashRun<float>(this).Check();
                break;
        }
    }

    /// <summary>Runs the case forward and backward and checks everything about the gradients.</summary>
    public void CheckGradients()
    {
        switch (DType)
        {
            case AttentionDType.Float16:
                new FlashGradientRun<Half>(this).Check();
                break;
            case AttentionDType.BFloat16:
                new FlashGradientRun<BFloat16>(this).Check();
                break;
            case AttentionDType.Float64:
                new FlashGradientRun<double>(this).Check();
                break;
            default:
                new FlashGradientRun<float>(this).Check();
                break;
        }
    }
}
