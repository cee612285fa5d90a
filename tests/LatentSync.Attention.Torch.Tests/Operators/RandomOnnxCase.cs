using System.Globalization;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operators;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests.Operators;

/// <summary>A random problem of the ONNX operator, from a seed, with its answer from plain loops over doubles.</summary>
internal sealed class RandomOnnxCase
{
    private static readonly int[] TileBorders = [0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129, 511, 512, 513, 600];
    private readonly Random _random;
    private readonly Generator _generator;

    /// <summary>The problem of a seed.</summary>
    /// <param name="seed">Same seed, same problem.</param>
    /// <param name="most">Longest query and key.</param>
    public RandomOnnxCase(int seed, int most)
    {
        Seed = seed;
        _random = new Random(seed);
        _generator = new Generator((ulong)seed);
        DType = Pick(ScalarType.Float32, ScalarType.Float32, ScalarType.Float64, ScalarType.Float16, ScalarType.BFloat16);
        int[] lengths = [.. TileBorders.Where(length => length <= most)];
        Batch = _random.Next(1, 4);
        KvHeads = _random.Next(1, 4);
        Heads = KvHeads * _random.Next(1, 4);
        Rows = Pick(lengths);
        int fresh = Pick(lengths);
        Past = Chance(0.35) ? Pick(lengths) : null;
        Keys = fresh + (Past ?? 0);
        Dim = Pick(1, 3, 8, 13, 16, 24);
        ValueDim = Chance(0.4) ? Pick(1, 5, 8, 20) : Dim;
        bool hasRank3 = Chance(0.4);
        // Distinct numbers for Q, K and V, so that a mix-up shows.
        double spread = Pick(0.3, 1.0, 3.0);
        Tensor query = Normal(Batch, Heads, Rows, Dim).mul(spread),
            key = Normal(Batch, KvHeads, fresh, Dim),
            value = Normal(Batch, KvHeads, fresh, ValueDim);
        (query, key, value) = (query.to(DType), key.to(DType), value.to(DType));
        Tensor? pastKey = Past is { } p ? Normal(Batch, KvHeads, p, Dim).to(DType) : null;
        Tensor? pastValue = Past is { } q ? Normal(Batch, KvHeads, q, ValueDim).to(DType) : null;
        long[]? keyLengths = Chance(0.35) ? [.. Enumerable.Range(0, Batch).Select(_ => (long)_random.Next(0, Keys + 1))] : null;
        if (keyLengths is not null && Chance(0.3))
        {
            Array.Fill(keyLengths, keyLengths[0]);
        }
        Attributes = new OnnxAttentionAttributes
        {
            IsCausal = Chance(0.4),
            Scale = Chance(0.5) ? Pick(0.01, 0.3, 1.0, -0.5, 0) : null,
            Softcap = Chance(0.25) ? Pick(0.5, 2.0, 30) : 0,
            QueryHeadCount = hasRank3 ? Heads : null,
            KvHeadCount = hasRank3 ? KvHeads : null,
            ScoreOutput = (OnnxScoreOutput)_random.Next(4),
            SoftmaxPrecision = Chance(0.3)
                ? Pick(OnnxPrecision.Float32, OnnxPrecision.Float16, OnnxPrecision.Float64, OnnxPrecision.BFloat16)
                : null,
            LeftWindow = Chance(0.25) ? Pick(0, 1, 7, 40) : null,
            RightWindow = Chance(0.2) ? Pick(0, 2, 9, 70) : null,
        };
        Tensor? mask = Chance(0.55) ? MakeMask() : null;
        Inputs = new OnnxAttentionInputs(Layout(query, hasRank3), Layout(key, hasRank3), Layout(value, hasRank3))
        {
            Mask = mask,
            PastKey = pastKey,
            PastValue = pastValue,
            KeyLengths = keyLengths is null ? null : tensor(keyLengths),
        };
        AllKeys = pastKey is null ? key : cat([pastKey, key], 2);
        AllValues = pastValue is null ? value : cat([pastValue, value], 2);
        Expected = Solve(query, mask, keyLengths);
    }

    public int Seed { get; }

    public ScalarType DType { get; }

    public int Batch { get; }

    public int Heads { get; }

    public int KvHeads { get; }

    public int Rows { get; }

    public int? Past { get; }

    public int Keys { get; }

    public int Dim { get; }

    public int ValueDim { get; }

    public OnnxAttentionAttributes Attributes { get; }

    public OnnxAttentionInputs Inputs { get; }

    public Tensor AllKeys { get; }

    public Tensor AllValues { get; }

    public LoopOracle Expected { get; }

    /// <summary>(B, Hq, Sq, T).</summary>
    public double[] ExpectedScores =>
        Attributes.ScoreOutput switch
        {
            OnnxScoreOutput.Products => Expected.Products,
            OnnxScoreOutput.Capped => Expected.Capped,
            OnnxScoreOutput.Biased => Expected.Biased,
            _ => Expected.Weights,
        };

    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"seed {Seed}: B {Batch}, H {Heads}/{KvHeads}, Sq {Rows}, T {Keys} (past {Past}), D {Dim}/{ValueDim}, {DType}, "
        )
        + $"mask {(Inputs.Mask is { } mask ? $"{mask.dtype} ({string.Join(", ", mask.shape)})" : "none")}, "
        + $"lengths {(Inputs.KeyLengths is { } lengths ? string.Join(" ", lengths.data<long>().ToArray()) : "none")}, {Attributes}";

    /// <summary>The definition of the operator, written as it is read.</summary>
    private LoopOracle Solve(Tensor query, Tensor? mask, long[]? keyLengths)
    {
        AttentionProblem problem = AttentionProblem.Of(Batch, Heads, Rows, Keys, Dim) with { KvHeadCount = KvHeads, ValueDim = ValueDim };
        long maskKeys = mask is null ? Keys : mask.shape[^1];
        Func<int, int, int, int, double>? read = mask is null ? null : LoopOracle.Reader(mask);
        return LoopOracle.Attend(
            problem,
            LoopOracle.Doubles(query),
            LoopOracle.Doubles(AllKeys),
            LoopOracle.Doubles(AllValues),
            Attributes.Scale ?? 1 / Math.Sqrt(Dim),
            Attributes.Softcap,
            (b, h, i, j) =>
            {
                long position = i + (Past ?? (keyLengths is null ? 0 : keyLengths[b] - Rows));
                bool isHidden =
                    j >= maskKeys
                    || keyLengths is not null && j >= keyLengths[b]
                    || Attributes.IsCausal && j > position
                    || Attributes.LeftWindow is { } left && j < position - left
                    || Attributes.RightWindow is { } right && j > position + right;
                return isHidden ? double.NegativeInfinity : read?.Invoke(b, h, i, j) ?? 0;
            }
        );
    }

    private Tensor MakeMask()
    {
        int columns = Chance(0.3) ? _random.Next(0, Keys + 1) : Keys;
        long[] sizes = _random.Next(6) switch
        {
            0 => [Rows, columns],
            1 => [Heads, Rows, columns],
            2 => [1, Rows, columns],
            3 => [Batch, 1, Rows, columns],
            4 => [1, Heads, 1, columns],
            _ => [Batch, Heads, Rows, columns],
        };
        Tensor seen = rand(sizes, generator: _generator).lt(Pick(0.1, 0.6, 0.95));
        if (Rows > 2 && sizes[^2] == Rows && Chance(0.5))
        {
            seen.narrow(seen.dim() - 2, _random.Next(Rows - 1), 2).fill_(false); // rows that see nothing
        }
        if (Chance(0.45))
        {
            return seen;
        }
        Tensor bias = randn(sizes, generator: _generator);
        if (Chance(0.7))
        {
            bias = bias.masked_fill(seen.logical_not(), double.NegativeInfinity);
        }
        return bias.to(Chance(0.8) ? DType : ScalarType.Float32);
    }

    private Tensor Normal(params long[] sizes) => randn(sizes, generator: _generator);

    private static Tensor Layout(Tensor tensor, bool hasRank3) =>
        hasRank3 ? tensor.transpose(1, 2).reshape(tensor.size(0), tensor.size(2), tensor.size(1) * tensor.size(3)) : tensor;

    private bool Chance(double probability) => _random.NextDouble() < probability;

    private T Pick<T>(params T[] choices) => choices[_random.Next(choices.Length)];
}
