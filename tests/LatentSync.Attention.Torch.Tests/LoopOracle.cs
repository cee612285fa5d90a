using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>Attention in plain loops over doubles: the oracle that shares no code with the project, not even libtorch's.</summary>
internal sealed class LoopOracle
{
    private LoopOracle(long rows, int keys, int valueDim)
    {
        Products = new double[rows * keys];
        Capped = new double[rows * keys];
        Biased = new double[rows * keys];
        Weights = new double[rows * keys];
        LogSumExp = new double[rows];
        Output = new double[rows * valueDim];
    }

    /// <summary>(B, H, Lq, Lk) each, row-major: scale · Q Kᵀ; after the softcap; after the bias; after the softmax.</summary>
    public double[] Products { get; }

    public double[] Capped { get; }

    public double[] Biased { get; }

    public double[] Weights { get; }

    /// <summary>(B, H, Lq).</summary>
    public double[] LogSumExp { get; }

    /// <summary>(B, H, Lq, Dv).</summary>
    public double[] Output { get; }

    /// <summary>Rows (b, h, i) of q (B, H, Lq, D), k (B, Hkv, Lk, D), v (B, Hkv, Lk, Dv); bias(b, h, i, j), -∞ hides.</summary>
    public static LoopOracle Attend(
        AttentionProblem p,
        double[] q,
        double[] k,
        double[] v,
        double scale,
        double softcap,
        Func<int, int, int, int, double> bias
    )
    {
        int group = p.HeadCount / p.KvHeadCount,
            keys = p.KeyLength,
            dim = p.HeadDim,
            valueDim = p.ValueDim;
        var result = new LoopOracle((long)p.Batch * p.HeadCount * p.QueryLength, keys, valueDim);
        for (int b = 0; b < p.Batch; b++)
        {
            for (int h = 0; h < p.HeadCount; h++)
            {
                long kv = (long)b * p.KvHeadCount + h / group;
                for (int i = 0; i < p.QueryLength; i++)
                {
                    long row = ((long)b * p.HeadCount + h) * p.QueryLength + i;
                    double maximum = double.NegativeInfinity,
                        sum = 0;
                    for (int j = 0; j < keys; j++)
                    {
                        double product = 0;
                        for (int d = 0; d < dim; d++)
                        {
                            product += q[row * dim + d] * k[(kv * keys + j) * dim + d];
                        }
                        product *= scale;
                        double capped = softcap > 0 ? softcap * Math.Tanh(product / softcap) : product,
                            biased = capped + bias(b, h, i, j);
                        (result.Products[row * keys + j], result.Capped[row * keys + j], result.Biased[row * keys + j]) = (
                            product,
                            capped,
                            biased
                        );
                        maximum = Math.Max(maximum, biased);
                    }
                    for (int j = 0; j < keys && maximum > double.NegativeInfinity; j++)
                    {
                        double weight = Math.Exp(result.Biased[row * keys + j] - maximum);
                        result.Weights[row * keys + j] = weight;
                        sum += weight;
                    }
                    result.LogSumExp[row] = sum > 0 ? maximum + Math.Log(sum) : double.NegativeInfinity;
                    for (int j = 0; j < keys && sum > 0; j++)
                    {
                        double weight = result.Weights[row * keys + j] /= sum;
                        for (int d = 0; d < valueDim; d++)
                        {
                            result.Output[row * valueDim + d] += weight * v[(kv * keys + j) * valueDim + d];
                        }
                    }
                }
            }
        }
        return result;
    }

    /// <summary>The bias of a call's arguments.</summary>
    public static Func<int, int, int, int, double> Bias(AttentionArguments arguments, AttentionProblem p)
    {
        Func<int, int, int, int, double> mask = arguments.Mask is null ? static (_, _, _, _) => 0 : Reader(arguments.Mask);
        int offset = arguments.CausalAlignment == CausalAlignment.BottomRight ? p.KeyLength - p.QueryLength : 0;
        return (b, h, i, j) =>
            arguments.IsCausal && j > i + offset
            || arguments.LeftWindow is { } left && j < i + offset - left
            || arguments.RightWindow is { } right && j > i + offset + right
                ? double.NegativeInfinity
                : mask(b, h, i, j);
    }

    /// <summary>A mask of rank 1 to 4, aligned from the right and broadcast; true reads as 0 and false as -∞.</summary>
    public static Func<int, int, int, int, double> Reader(Tensor mask)
    {
        bool isBoolean = mask.dtype == ScalarType.Bool;
        double[] values = Doubles(mask);
        long[] sizes = [.. Enumerable.Repeat(1L, 4 - (int)mask.dim()), .. mask.shape];
        return (b, h, i, j) =>
        {
            long index = ((At(b, 0) * sizes[1] + At(h, 1)) * sizes[2] + At(i, 2)) * sizes[3] + At(j, 3);
            return !isBoolean ? values[index]
                : values[index] != 0 ? 0
                : double.NegativeInfinity;
        };

        long At(int position, int dimension) => sizes[dimension] == 1 ? 0 : position;
    }

    /// <summary>The elements, row-major.</summary>
    public static double[] Doubles(Tensor tensor)
    {
        using Tensor wide = tensor.detach().to(ScalarType.Float64).contiguous();
        return wide.numel() == 0 ? [] : wide.data<double>().ToArray();
    }
}
