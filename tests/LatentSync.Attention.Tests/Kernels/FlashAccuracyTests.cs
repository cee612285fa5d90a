using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Errors against float64, beside those of plain code in the type in which is computed.</summary>
public sealed class FlashAccuracyTests
{
    /// <summary>FlashAttention's own tests allow twice the plain code's error.</summary>
    private const double MostTimesPlain = 2;

    public static TheoryData<AttentionDType, int, int, int, double> Shapes()
    {
        var rows = new TheoryData<AttentionDType, int, int, int, double>();
        foreach (AttentionDType dtype in Enum.GetValues<AttentionDType>())
        {
            rows.Add(dtype, 128, 16, 40, 1);
            rows.Add(dtype, 128, 50, 80, 2);
            rows.Add(dtype, 100, 577, 160, 1);
            rows.Add(dtype, 64, 2048, 64, 1);
            rows.Add(dtype, 64, 300, 512, 1);
            rows.Add(dtype, 64, 512, 64, 4);
        }
        return rows;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Forward_EveryRow_IsAsExactAsPlainCode(AttentionDType dtype, int queries, int keys, int dim, double amplitude)
    {
        var problem = new FlashCase
        {
            Seed = keys * 4,
            DType = dtype,
            Queries = queries,
            Keys = keys,
            HeadDim = dim,
            ValueDim = dim,
            Amplitude = amplitude,
        };
        switch (dtype)
        {
            case AttentionDType.Float16:
                Compare<Half>(problem);
                break;
            case AttentionDType.BFloat16:
                Compare<BFloat16>(problem);
                break;
            case AttentionDType.Float64:
                Compare<double>(problem);
                break;
            default:
                Compare<float>(problem);
                break;
        }
    }

    private static void Compare<T>(FlashCase problem)
        where T : unmanaged
    {
        var run = new FlashRun<T>(problem);
        run.Run(null);
        HeadAttention head = run.Head(0, 0);
        HeadResult right = head.Forward();
        double[,] plain = Plain(head, toSingle: typeof(T) != typeof(double));
        double plainWorst = 0,
            plainSquares = 0,
            squares = 0;
        var errors = new double[problem.Queries];
        for (int i = 0; i < problem.Queries; i++)
        {
            double plainError = 0;
            for (int d = 0; d < problem.ValueDim; d++)
            {
                double expected = right.Output[i, d],
                    error = Math.Abs(Numbers<T>.ToDouble(run.Output[0, 0, i, d]) - expected);
                errors[i] = Math.Max(errors[i], Math.Max(0, error - Numbers<T>.OutputRounding(expected)) / right.ValueSize[i]);
                plainError = Math.Max(plainError, Math.Abs(plain[i, d] - expected) / right.ValueSize[i]);
            }
            plainWorst = Math.Max(plainWorst, plainError);
            plainSquares += plainError * plainError;
            squares += errors[i] * errors[i];
        }

        // In float64 the oracle has plain code's error itself, and the comparison says little: some roundings are added.
        double most =
            MostTimesPlain * plainWorst + (typeof(T) == typeof(double) ? 40 * Numbers<T>.ComputeRounding : 2 * Numbers<T>.ComputeRounding);
        for (int i = 0; i < errors.Length; i++)
        {
            Assert.True(errors[i] <= most, $"row {i}: error {errors[i]:G3}, plain code's worst {plainWorst:G3}\n{problem}");
        }
        Assert.True(Math.Sqrt(squares / errors.Length) <= Math.Max(MostTimesPlain * Math.Sqrt(plainSquares / errors.Length), most / 2));
    }

    /// <summary>The formulas with every operation rounded to float, or not.</summary>
    private static double[,] Plain(HeadAttention head, bool toSingle)
    {
        int queries = head.Query.GetLength(0),
            keys = head.Key.GetLength(0),
            dim = head.Query.GetLength(1),
            valueDim = head.Value.GetLength(1);
        var result = new double[queries, valueDim];
        double[] weights = new double[keys];
        for (int i = 0; i < queries; i++)
        {
            double maximum = double.NegativeInfinity,
                sum = 0;
            for (int j = 0; j < keys; j++)
            {
                double dot = 0;
                for (int d = 0; d < dim; d++)
                {
                    dot = Round(dot + Round(head.Query[i, d] * head.Key[j, d]));
                }
                weights[j] = Round(dot * Round(head.Scale));
                maximum = Math.Max(maximum, weights[j]);
            }
            for (int j = 0; j < keys; j++)
            {
                weights[j] = Round(Math.Exp(Round(weights[j] - maximum)));
                sum = Round(sum + weights[j]);
            }
            for (int d = 0; d < valueDim; d++)
            {
                double total = 0;
                for (int j = 0; j < keys; j++)
                {
                    total = Round(total + Round(Round(weights[j] / sum) * head.Value[j, d]));
                }
                result[i, d] = total;
            }
        }
        return result;

        double Round(double number) => toSingle ? (float)number : number;
    }
}
