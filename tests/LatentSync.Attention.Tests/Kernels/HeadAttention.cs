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

    /// <summary>(Lq, Lk) factors on the weights after the softmax, 0 or 1/(1 - p): dropout. Null: all 1.</summary>
    public double[,]? Kept { get; init; }

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
                double sum = 0, size = 0;
                for (int j = 0; j < Keys; j++)
                {
                    if (Sees(i, j))
                    {
                        double weight = weights[j] * (Kept?[i, j] ?? 1);
                        sum += weight * Value[j, d];
                        size += weight * Math.Abs(Value[j, d]);
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
    /// dV = (P∘M)ᵀ dO; dP = M ∘ (dO Vᵀ); dS = P ∘ (dP - Σⱼ P dP); dT = dS · (1 - tanh²(T/c)); dQ = scale · dT K; dK = scale · dTᵀ Q.</remarks>
    /// <param name="outputGradient">(Lq, Dv).</param>
    public HeadGradients Gradient(double[,] outputGradient)
    {
        var gradients = new HeadGradients(new double[Queries, HeadDim], new double[Keys, HeadDim], new double[Keys, ValueDim]);
        for (int i = 0; i < Queries; i++)
        {
            (double[] weights, _, _) = Weights(i);
            double[] weightGradients = new double[Keys];
            double mean = 0;
            for (int j = 0; j < Keys; j++)
            {
                if (Sees(i, j))
                {
                    double kept = Kept?[i, j] ?? 1;
                    for (int d = 0; d < ValueDim; d++)
                    {
                        gradients.Value[j, d] += weights[j] * kept * outputGradient[i, d];
                        weightGradients[j] += kept * outputGradient[i, d] * Value[j, d];
                    }
                    mean += weights[j] * weightGradients[j];
                }
            }
            for (int j = 0; j < Keys; j++)
            {
                if (Sees(i, j))
                {
                    double slope = weights[j] * (weightGradients[j] - mean);
                    if (Softcap > 0)
                    {
                        double bent = Math.Tanh(Scale * Dot(i, j) / Softcap);
                        slope *= 1 - bent * bent;
                    }
                    for (int d = 0; d < HeadDim; d++)
                    {
                        gradients.Query[i, d] += Scale * slope * Key[j, d];
                        gradients.Key[j, d] += Scale * slope * Query[i, d];
                    }
                }
            }
        }
        return gradients;
    }

    /// <summary>A query's weights, the logarithm of their sum before division, and the largest sum of sizes that went into a score.</summary>
    private (double[] Weights, double LogSumExp, double ScoreSize) Weights(int i)
    {
        double[] weights = new double[Keys];
        double maximum = double.NegativeInfinity, scoreSize = 0, sum = 0;
        for (int j = 0; j < Keys; j++)
        {
            if (Sees(i, j))
            {
                double score = Scale * Dot(i, j), alibi = Slope * Math.Abs(i + DiagonalOffset - j), bias = Bias?[i, j] ?? 0;
                score = (Softcap > 0 ? Softcap * Math.Tanh(score / Softcap) : score) - alibi + bias;
                weights[j] = score;
                maximum = Math.Max(maximum, score);
                scoreSize = Math.Max(scoreSize, Math.Abs(Scale) * AbsoluteDot(i, j) + Math.Abs(alibi) + Math.Abs(bias));
            }
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

    private double Dot(int i, int j)
    {
        double sum = 0;
        for (int d = 0; d < HeadDim; d++)
        {
            sum += Query[i, d] * Key[j, d];
        }
        return sum;
    }

    private double AbsoluteDot(int i, int j)
    {
        double sum = 0;
        for (int d = 0; d < HeadDim; d++)
        {
            sum += Math.Abs(Query[i, d] * Key[j, d]);
        }
        return sum;
    }
}

/// <summary>A head's result.</summary>
/// <param name="Output">(Lq, Dv).</param>
/// <param name="LogSumExp">(Lq); -∞ for a query that sees no key.</param>
/// <param name="ScoreSize">(Lq): largest Σ |terms| of a score. An error of one rounding in each gives a weight this times the rounding.</param>
/// <param name="ValueSize">(Lq): largest Σ |weight · value| of an element.</param>
internal sealed record HeadResult(double[,] Output, double[] LogSumExp, double[] ScoreSize, double[] ValueSize);

/// <summary>A head's gradients.</summary>
/// <param name="Query">(Lq, D).</param>
/// <param name="Key">(Lk, D).</param>
/// <param name="Value">(Lk, Dv).</param>
internal sealed record HeadGradients(double[,] Query, double[,] Key, double[,] Value);
