using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.SelfTest;

/// <summary>Where a self-test's scores lie.</summary>
internal enum ScoreRange
{
    /// <summary>Around 1.</summary>
    Ordinary,

    /// <summary>A float mask of -1e12 or of the least number, the same for a whole row, and single keys far above the others.</summary>
    LargeMask,

    /// <summary>Whole numbers times a large power of two, exact in every order of summing; each key has a twin.</summary>
    LargeProducts,
}

/// <summary>A small problem of which the answer is known.</summary>
/// <param name="Name">For the report.</param>
/// <param name="HeadCount">Query heads.</param>
/// <param name="KvHeadCount">Key heads.</param>
/// <param name="QueryLength">Queries.</param>
/// <param name="KeyLength">Keys.</param>
internal sealed record SelfTestCase(string Name, int HeadCount, int KvHeadCount, int QueryLength, int KeyLength)
{
    /// <summary>All cases, the cheapest faults to find first.</summary>
    internal static IReadOnlyList<SelfTestCase> All { get; } =
    [
        new("several tiles", 2, 2, 66, 130),
        new("causal", 2, 2, 17, 17) { IsCausal = true },
        new("masked", 2, 2, 19, 23) { HasMask = true },
        new("decode", 4, 2, 1, 33),
        new("one of each", 1, 1, 1, 2),
        new("large mask", 2, 1, 19, 37) { Scores = ScoreRange.LargeMask },
        new("large mask, decode", 4, 2, 1, 256) { Scores = ScoreRange.LargeMask },
        new("large products", 2, 2, 18, 64) { Scores = ScoreRange.LargeProducts },
        new("gradients, masked", 2, 2, 9, 11) { HasMask = true, IsTraining = true },
        new("gradients, large mask", 2, 1, 9, 11) { Scores = ScoreRange.LargeMask, IsTraining = true },
    ];

    internal bool IsCausal { get; init; }

    internal bool HasMask { get; init; }

    internal ScoreRange Scores { get; init; }

    /// <summary>The gradients of query, key and value are compared too; run before training only.</summary>
    internal bool IsTraining { get; init; }

    /// <summary>Query, key, value and what else there is, on the CPU.</summary>
    /// <param name="like">Element type, head dims and device of the problem that is waiting.</param>
    internal (Tensor Query, Tensor Key, Tensor Value, AttentionArguments Arguments) Make(in AttentionProblem like)
    {
        ScalarType dtype = TensorFacts.ScalarTypeOf(like.DType);
        Tensor value = Operand(3, KvHeadCount, KeyLength, like.ValueDim).to(dtype);
        if (Scores != ScoreRange.LargeProducts)
        {
            Tensor query = Operand(1, HeadCount, QueryLength, like.HeadDim),
                key = Operand(2, KvHeadCount, KeyLength, like.HeadDim);
            Tensor? mask =
                Scores == ScoreRange.LargeMask ? LargeMask(like)
                : HasMask ? Mask()
                : null;
            return (query.to(dtype), key.to(dtype), value, new AttentionArguments { IsCausal = IsCausal, Mask = mask });
        }
        Tensor exponent = full([1], Scalars.Of(Math.Pow(2, Exponent(like))), ScalarType.Float64);
        Tensor twins = Whole(2, KvHeadCount, KeyLength / 2, like.HeadDim);
        return (
            Whole(1, HeadCount, QueryLength, like.HeadDim).mul(exponent).to(dtype),
            cat([twins, twins], 2).mul(exponent).to(dtype),
            value,
            new AttentionArguments { Scale = 0.25 }
        ); // a power of 4: its root is exact too
    }

    /// <summary>Of query and key; scores are then above 2 to twice this, less 2. FlashAttention-2 on CUDA subtracts a rounded maximum,
    /// which is seen from 1e9 on: there scores stay below, for the sake of a kernel that no network brings to that.</summary>
    private static int Exponent(in AttentionProblem like) =>
        like.Device.Kind != AttentionDeviceKind.Cpu
            ? 8
            : like.DType switch
            {
                AttentionDType.Float16 => 14,
                AttentionDType.Float64 => 40,
                _ => 17,
            };

    /// <summary>(1, heads, length, dim), evenly spread over ±1, the same at every call.</summary>
    private static Tensor Operand(uint seed, int heads, int length, int dim)
    {
        float[] elements = new float[heads * length * dim];
        uint state = seed * 0x9E3779B9;
        for (int i = 0; i < elements.Length; i++)
        {
            state = state * 1664525 + 1013904223; // Numerical Recipes, "quick and dirty"
            elements[i] = (state >> 8) * (2f / (1 << 24)) - 1;
        }
        return tensor(elements, [1, heads, length, dim]);
    }

    /// <summary>-1, 0 or 1, float64.</summary>
    private static Tensor Whole(uint seed, int heads, int length, int dim) =>
        Operand(seed, heads, length, dim).Times(1.5).round().to(ScalarType.Float64);

    /// <summary>(1, 1, Lq, Lk): a row that sees nothing, a row that sees one key, and stripes.</summary>
    private Tensor Mask()
    {
        bool[] visible = new bool[QueryLength * KeyLength];
        for (int i = 0; i < visible.Length; i++)
        {
            int row = i / KeyLength,
                column = i % KeyLength;
            visible[i] = row switch
            {
                3 => false,
                4 => column == 7,
                _ => (row + column) % 3 != 0,
            };
        }
        return tensor(visible, [1, 1, QueryLength, KeyLength]);
    }

    /// <summary>(1, 1, Lq, Lk), float32 or float64; of the query's type on devices whose kernels take no other. By rows: all at the least
    /// number; all at -1e12; one key at 1e20; -1e12 with hidden keys; ordinary.</summary>
    private Tensor LargeMask(in AttentionProblem like)
    {
        AttentionDType type =
            like.Device.Kind == AttentionDeviceKind.Cpu && like.DType != AttentionDType.Float64 ? AttentionDType.Float32 : like.DType;
        double least = type switch
        {
            AttentionDType.Float64 => double.MinValue,
            AttentionDType.Float16 => -65504,
            _ => float.MinValue,
        };
        double[] bias = new double[QueryLength * KeyLength];
        for (int i = 0; i < bias.Length; i++)
        {
            int row = i / KeyLength,
                column = i % KeyLength;
            bias[i] = (row % 5) switch
            {
                0 => least,
                1 => -1e12,
                2 => column == 7 ? 1e20 : 0,
                3 => column % 3 == 0 ? double.NegativeInfinity : -1e12,
                _ => column % 4,
            };
            bias[i] = double.IsInfinity(bias[i]) ? bias[i] : Math.Clamp(bias[i], least, -least);
        }
        return tensor(bias, [1, 1, QueryLength, KeyLength]).to(TensorFacts.ScalarTypeOf(type));
    }
}
