using System.Runtime.InteropServices;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Attention of one head of one sequence by the formulas, in float64, with the whole score matrix: slow, and short enough to be
/// seen right. The oracle of the kernels' tests.</summary>
internal sealed class HeadAttention
{
    /// <summary>(Lq, D).</summary>
    public required double[,] Query { get; init; }

    /// <summary>(Lk, D).</summary>
    public required double[,] Key { get; init; }

    /// <summary>(Lk, Dv).</summary>
    public required double[,] Value { get; init; }

    public required double Scale { get; init; }

    /// <summary>0 is off.</summary>
    public double Softcap { get; init; }

    /// <summary>ALiBi.</summary>
    public double Slope { get; init; }

    public bool IsCausal { get; init; }

    /// <summary>Query i lies on the diagonal with key i + DiagonalOffset.</summary>
    public int DiagonalOffset { get; init; }

    public int? LeftWindow { get; init; }

    public int? RightWindow { get; init; }

    /// <summary>(Lq, Lk), added; -∞ hides. Null: nothing.</summary>
    public double[,]? Bias { get; init; }

    /// <summary>Weights below this may be 0 where they are computed in the type.</summary>
    public double SmallestWeight { get; init; }

    /// <summary>Rounds a score after each step, as plain code in the type does it; null: scores are exact. With it the score's own
    /// roundings are right, and what is left of a weight's error is that of a difference of scores.</summary>
    public Func<double, double>? RoundScore { get; init; }

    /// <summary>(Lq, Lk) factors on the weights after the softmax, 0 or 1/(1 - p): dropout. Null: all 1.</summary>
    public double[,]? Kept { get; init; }

    /// <summary>e^-745 is the smallest number of float64, e^-104 of float32.</summary>
    private double LargestDistance => SmallestWeight < 1e-300 ? 745 : 104;

    private int Queries => Query.GetLength(0);

    private int Keys => Key.GetLength(0);

    private int HeadDim => Query.GetLength(1);

    private int ValueDim => Value.GetLength(1);

    public bool Sees(int i, int j)
    {
        int diagonal = i + DiagonalOffset;
        return !(IsCausal && j > diagonal)
            && !(LeftWindow is { } left && j < diagonal - left)
            && !(RightWindow is { } right && j > (long)diagonal + right)
            && !(Bias is not null && double.IsNegativeInfinity(Bias[i, j]));
    }

    /// <summary>The result, and what a tolerance has to be measured with.</summary>
    public HeadResult Forward()
    {
        var result = new HeadResult(new double[Queries, ValueDim], new double[Queries], new double[Queries], new double[Queries]);
        for (int i = 0; i < Queries; i++)
        {
            (double[] weights, result.LogSumExp[i], result.ScoreSize[i]) = Weights(i);
            for (int d = 0; d < ValueDim; d++)
            {
                double sum = 0,
                    size = 0;
                for (int j = 0; j < Keys; j++)
                {
                    if (Sees(i, j))
                    {
                        double weight = weights[j] * (Kept?[i, j] ?? 1);
                        sum += weight * Value[j, d];
                        size += (weight + SmallestWeight) * Math.Abs(Value[j, d]);
                    }
                }
                result.Output[i, d] = sum;
                result.ValueSize[i] = Math.Max(result.ValueSize[i], size);
            }
        }
        return result;
    }

    /// <summary>Gradients of Σ output · <paramref name="outputGradient"/>.</summary>
    /// <remarks>With P the weights, M the factors of dropout, S the scores before the softmax, T the scaled products:
    /// dV = (P∘M)ᵀ dO; dP = M ∘ (dO Vᵀ); dS = P ∘ (dP - Σⱼ P dP); dT = dS · (1 - tanh²(T/c)); dQ = scale · dT K; dK = scale · dTᵀ
    /// Q.</remarks>
    /// <param name="outputGradient">(Lq, Dv).</param>
    /// <param name="output">(Lq, Dv): the result as it was rounded, of which Σⱼ P dP = Σ dO ∘ O is made then; null for the exact
    /// one.</param>
    /// <param name="weightError">From a query's score size and logsumexp: the relative error of its weights, and of the sums with
    /// them.</param>
    public HeadGradients Gradient(double[,] outputGradient, double[,]? output = null, Func<double, double, double>? weightError = null)
    {
        output ??= Forward().Output;
        var gradients = new HeadGradients(Queries, Keys, HeadDim, ValueDim);
        for (int i = 0; i < Queries; i++)
        {
            (double[] weights, double logSumExp, double scoreSize) = Weights(i);
            double error = weightError?.Invoke(scoreSize, double.IsFinite(logSumExp) ? Math.Abs(logSumExp) : 0) ?? 0;
            ReadOnlySpan<double> query = Row(Query, i),
                change = Row(outputGradient, i),
                result = Row(output, i);
            double mean = 0,
                meanSize = 0;
            for (int d = 0; d < change.Length; d++)
            {
                mean += change[d] * result[d];
                meanSize += Math.Abs(change[d] * result[d]);
            }
            for (int j = 0; j < Keys; j++)
            {
                if (!Sees(i, j))
                {
                    continue;
                }
                ReadOnlySpan<double> key = Row(Key, j),
                    value = Row(Value, j);
                double kept = Kept?[i, j] ?? 1,
                    off = error * weights[j] + SmallestWeight,
                    weightGradient = 0,
                    size = 0;
                for (int d = 0; d < value.Length; d++)
                {
                    weightGradient += change[d] * value[d];
                    size += Math.Abs(change[d] * value[d]);
                }
                AddTo(gradients.Value, gradients.ValueError, j, change, weights[j] * kept, off * kept);
                double slope = Scale * weights[j] * (kept * weightGradient - mean),
                    slopeOff = Math.Abs(Scale) * off * (kept * size + meanSize);
                if (Softcap > 0)
                {
                    double bent = Math.Tanh(Scale * Dot(i, j) / Softcap);
                    slope *= 1 - bent * bent;
                }
                AddTo(gradients.Query, gradients.QueryError, i, key, slope, slopeOff);
                AddTo(gradients.Key, gradients.KeyError, j, query, slope, slopeOff);
            }
        }
        return gradients;
    }

    /// <summary>A query's weights, the logarithm of their sum before division, and the largest sum of sizes that went into a
    /// score.</summary>
    private (double[] Weights, double LogSumExp, double ScoreSize) Weights(int i)
    {
        double[] weights = new double[Keys];
        double maximum = double.NegativeInfinity,
            scoreSize = 0,
            sum = 0;
        for (int j = 0; j < Keys; j++)
        {
            if (Sees(i, j))
            {
                double score = Score(i, j, out double size);
                weights[j] = score;
                maximum = Math.Max(maximum, score);
                scoreSize = Math.Max(scoreSize, size);
            }
        }
        if (double.IsNegativeInfinity(maximum))
        {
            return (weights.Select(_ => 0.0).ToArray(), maximum, scoreSize);
        }
        for (int j = 0; j < Keys; j++)
        {
            weights[j] = Sees(i, j) ? Math.Exp(weights[j] - maximum) : 0;
            sum += weights[j];
        }
        for (int j = 0; j < Keys && sum != 0; j++)
        {
            weights[j] /= sum;
        }
        return (weights, maximum + Math.Log(sum), scoreSize);
    }

    /// <summary>A score, and the sum of sizes that its rounding errors are relative to.</summary>
    private double Score(int i, int j, out double size)
    {
        double alibi = Slope * Math.Abs(i + DiagonalOffset - j),
            bias = Bias?[i, j] ?? 0;
        if (RoundScore is not { } round)
        {
            double exact = Scale * Dot(i, j);
            size = Math.Abs(Scale) * AbsoluteDot(i, j) + Math.Abs(alibi) + Math.Abs(bias);
            return (Softcap > 0 ? Softcap * Math.Tanh(exact / Softcap) : exact) - alibi + bias;
        }
        // Differences beyond this weigh nothing, and smaller ones are rounded once. A softcap's tanh is off by its own roundings.
        size = LargestDistance + Softcap;
        double score = round(round(Dot(i, j)) * round(Scale));
        score = Softcap > 0 ? round(Softcap * Math.Tanh(score / Softcap)) : score;
        score = Slope != 0 ? round(score - round(alibi)) : score;
        return Bias is null ? score : round(score + bias);
    }

    private static Span<double> Row(double[,] matrix, int row) => MemoryMarshal.CreateSpan(ref matrix[row, 0], matrix.GetLength(1));

    /// <summary>Adds a vector times a factor to a row of sums, and its elements' sizes times the factor's error to that of their
    /// errors.</summary>
    private static void AddTo(double[,] sums, double[,] errors, int row, ReadOnlySpan<double> vector, double factor, double factorError)
    {
        Span<double> sum = Row(sums, row),
            error = Row(errors, row);
        for (int d = 0; d < vector.Length; d++)
        {
            sum[d] += factor * vector[d];
            error[d] += factorError * Math.Abs(vector[d]);
        }
    }

    private double Dot(int i, int j)
    {
        ReadOnlySpan<double> query = Row(Query, i),
            key = Row(Key, j);
        double sum = 0;
        for (int d = 0; d < query.Length; d++)
        {
            sum += query[d] * key[d];
        }
        return sum;
    }

    private double AbsoluteDot(int i, int j)
    {
        ReadOnlySpan<double> query = Row(Query, i),
            key = Row(Key, j);
        double sum = 0;
        for (int d = 0; d < query.Length; d++)
        {
            sum += Math.Abs(query[d] * key[d]);
        }
        return sum;
    }
}

/// <summary>A head's result.</summary>
/// <param name="Output">(Lq, Dv).</param>
/// <param name="LogSumExp">(Lq); -∞ for a query that sees no key.</param>
/// <param name="ScoreSize">(Lq): largest Σ |terms| of a score. An error of one rounding in each gives a weight this times the
/// rounding.</param>
/// <param name="ValueSize">(Lq): largest Σ |weight · value| of an element.</param>
internal sealed record HeadResult(double[,] Output, double[] LogSumExp, double[] ScoreSize, double[] ValueSize);

/// <summary>A head's gradients, and for each number the largest error that rounding can leave in it.</summary>
internal sealed class HeadGradients(int queries, int keys, int headDim, int valueDim)
{
    /// <summary>(Lq, D).</summary>
    public double[,] Query { get; } = new double[queries, headDim];

    /// <summary>(Lk, D).</summary>
    public double[,] Key { get; } = new double[keys, headDim];

    /// <summary>(Lk, Dv).</summary>
    public double[,] Value { get; } = new double[keys, valueDim];

    /// <summary>(Lq, D).</summary>
    public double[,] QueryError { get; } = new double[queries, headDim];

    /// <summary>(Lk, D).</summary>
    public double[,] KeyError { get; } = new double[keys, headDim];

    /// <summary>(Lk, Dv).</summary>
    public double[,] ValueError { get; } = new double[keys, valueDim];

    /// <summary>Adds the keys' and values' gradients of another head that shares them.</summary>
    public void Add(HeadGradients other)
    {
        foreach (
            (double[,] sum, double[,] added) in ((double[,], double[,])[])
                [(Key, other.Key), (KeyError, other.KeyError), (Value, other.Value), (ValueError, other.ValueError)]
        )
        {
            for (int i = 0; i < sum.Length; i++)
            {
                sum[i / sum.GetLength(1), i % sum.GetLength(1)] += added[i / sum.GetLength(1), i % sum.GetLength(1)];
            }
        }
    }
}
