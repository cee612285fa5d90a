using System.Numerics.Tensors;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Dropped weights. With the unit matrix as values the result is the weights themselves, so that one sees which are
/// gone.</summary>
public sealed class FlashDropoutTests
{
    private const int Batch = 2,
        Heads = 2,
        Queries = 70,
        Keys = 101,
        Dim = 8;
    private const double Probability = 0.3;

    /// <summary>The known answers of the authors' Random123 (kat_vectors).</summary>
    [Theory]
    [InlineData(0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, "6627e8d5 e169c58d bc57ac4c 9b00dbd8")]
    [InlineData(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, "408f276d 41c83b0e a20bc7c6 6d5451fd")]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, "d16cfe09 94fdcceb 5001e420 24126ea1")]
    public void Philox_KnownAnswer_IsIt(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, string words) =>
        Assert.Equal(
            words,
            string.Join(
                ' ',
                Philox.Words(c0, c1, c2, c3, k0, k1).Select(word => word.ToString("x8", System.Globalization.CultureInfo.InvariantCulture))
            )
        );

    [Fact]
    public void Forward_Dropout_DropsTheShareAndScalesTheRest()
    {
        double[,,,] factors = Factors(seed: 1, threads: null);
        int dropped = 0;
        foreach (double factor in factors)
        {
            dropped += factor == 0 ? 1 : 0;
            Assert.True(factor == 0 || Math.Abs(factor - 1 / (1 - Probability)) < 1e-4, $"factor {factor}");
        }

        // Six standard deviations of a binomial distribution.
        double share = (double)dropped / factors.Length;
        Assert.Equal(Probability, share, 6 * Math.Sqrt(Probability * (1 - Probability) / factors.Length));
    }

    [Fact]
    public void Forward_Dropout_DependsOnTheSeedAndOnNothingElse()
    {
        double[] once = [.. Gone(1, 1)],
            again = [.. Gone(1, 2)],
            other = [.. Gone(2, 1)];
        Assert.Equal(once, again);
        AssertUnrelated(once, other);

        // Neighbours in each dimension drop different keys.
        double[,,,] factors = Factors(1, null);
        AssertUnrelated(Row(factors, 0, 0, 0), Row(factors, 1, 0, 0));
        AssertUnrelated(Row(factors, 0, 0, 0), Row(factors, 0, 1, 0));
        AssertUnrelated(Row(factors, 0, 0, 0), Row(factors, 0, 0, 1));

        static IEnumerable<double> Gone(ulong seed, int? threads) =>
            Factors(seed, threads).Cast<double>().Select(factor => factor == 0 ? 0.0 : 1.0);
    }

    [Fact]
    public void Forward_Dropout_LeavesLogSumExpAndAddsTheKeptValues()
    {
        double[,,,] factors = Factors(5, null);
        float[] query = Random(1, Batch * Heads * Queries * Dim),
            key = Random(2, Batch * Heads * Keys * Dim),
            value = Random(3, Batch * Heads * Keys * Dim);
        float[] output = new float[query.Length],
            logSumExp = new float[Batch * Heads * Queries];
        Run(query, key, value, Dim, output, logSumExp, 5, null);
        for (int b = 0; b < Batch; b++)
        {
            for (int h = 0; h < Heads; h++)
            {
                int head = b * Heads + h;
                var oracle = new HeadAttention
                {
                    Query = Rows(query, head, Queries),
                    Key = Rows(key, head, Keys),
                    Value = Rows(value, head, Keys),
                    Scale = 1 / Math.Sqrt(Dim),
                    Kept = new double[Queries, Keys],
                };
                for (int i = 0; i < Queries * Keys; i++)
                {
                    oracle.Kept[i / Keys, i % Keys] = factors[b, h, i / Keys, i % Keys] == 0 ? 0 : 1 / (1 - Probability);
                }
                HeadResult right = oracle.Forward();
                for (int i = 0; i < Queries; i++)
                {
                    Assert.Equal(right.LogSumExp[i], logSumExp[head * Queries + i], 2e-6);
                    for (int d = 0; d < Dim; d++)
                    {
                        Assert.Equal(right.Output[i, d], output[(head * Queries + i) * Dim + d], 2e-6);
                    }
                }
            }
        }
    }

    /// <summary>(B, H, Lq, Lk): 0 or about 1/(1 - p).</summary>
    private static double[,,,] Factors(ulong seed, int? threads)
    {
        float[] query = Random(1, Batch * Heads * Queries * Dim),
            key = Random(2, Batch * Heads * Keys * Dim),
            unit = new float[Batch * Heads * Keys * Keys];
        for (int i = 0; i < Batch * Heads * Keys; i++)
        {
            unit[i * Keys + i % Keys] = 1;
        }
        float[] output = new float[Batch * Heads * Queries * Keys],
            logSumExp = new float[Batch * Heads * Queries];
        Run(query, key, unit, Keys, output, logSumExp, seed, threads);
        var factors = new double[Batch, Heads, Queries, Keys];
        for (int head = 0; head < Batch * Heads; head++)
        {
            double[,] rows = Rows(query, head, Queries),
                columns = Rows(key, head, Keys);
            for (int i = 0; i < Queries; i++)
            {
                for (int j = 0; j < Keys; j++)
                {
                    double dot = Enumerable.Range(0, Dim).Sum(d => rows[i, d] * columns[j, d]) / Math.Sqrt(Dim);
                    factors[head / Heads, head % Heads, i, j] =
                        output[(head * Queries + i) * Keys + j] / Math.Exp(dot - logSumExp[head * Queries + i]);
                }
            }
        }
        return factors;
    }

    private static void Run(
        float[] query,
        float[] key,
        float[] value,
        int valueDim,
        float[] output,
        float[] logSumExp,
        ulong seed,
        int? threads
    ) =>
        FlashAttention.Forward(
            new FlashAttentionArguments<float>
            {
                Query = new ReadOnlyTensorSpan<float>(query, [Batch, Heads, Queries, Dim]),
                Key = new ReadOnlyTensorSpan<float>(key, [Batch, Heads, Keys, Dim]),
                Value = new ReadOnlyTensorSpan<float>(value, [Batch, Heads, Keys, valueDim]),
                Output = new TensorSpan<float>(output, [Batch, Heads, Queries, valueDim]),
                LogSumExp = logSumExp,
                Dropout = Probability,
                DropoutSeed = seed,
                Threads = threads,
            }
        );

    /// <summary>Independent rows agree in p² + (1 - p)² of their places: 0.58.</summary>
    private static void AssertUnrelated(double[] a, double[] b)
    {
        double agreeing = a.Zip(b).Count(pair => (pair.First == 0) == (pair.Second == 0)) / (double)a.Length;
        Assert.Equal(Probability * Probability + (1 - Probability) * (1 - Probability), agreeing, 6 * Math.Sqrt(0.25 / a.Length));
    }

    private static double[] Row(double[,,,] factors, int b, int h, int i) =>
        [.. Enumerable.Range(0, Keys).Select(j => factors[b, h, i, j])];

    private static double[,] Rows(float[] numbers, int head, int count)
    {
        var rows = new double[count, Dim];
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i / Dim, i % Dim] = numbers[head * rows.Length + i];
        }
        return rows;
    }

    private static float[] Random(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
    }
}
