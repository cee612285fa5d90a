using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Masks, scores and values of sizes that libraries and broken inputs really have: equal scores weigh equally, the heaviest key is
/// not lost.</summary>
public sealed class FlashMagnitudeTests
{
    private static readonly FlashCase Ordinary = new()
    {
        Seed = 8,
        Queries = 4,
        Keys = 8,
        HeadDim = 8,
        ValueDim = 8,
    };

    private static readonly double[] Sizes = [-1e4, -1e9, -1e12, double.MinValue, 1e10, 1e20, double.MaxValue];

    /// <summary>What the sizes above are tried on: few keys, padded rows, temporal layers, decoding with grouped heads and split keys, head
    /// dim 512.</summary>
    private static readonly FlashCase[] Shapes =
    [
        Ordinary,
        Ordinary with
        {
            Queries = 1,
            Keys = 256,
        },
        Ordinary with
        {
            Batch = 2,
            KvHeads = 2,
            Queries = 70,
            Keys = 130,
            HeadDim = 24,
            ValueDim = 24,
        },
        Ordinary with
        {
            Batch = 2,
            KvHeads = 2,
            Group = 4,
            Queries = 1,
            Keys = 1100,
            HeadDim = 64,
            ValueDim = 40,
        },
        Ordinary with
        {
            Batch = 12,
            KvHeads = 8,
            Queries = 16,
            Keys = 16,
            HeadDim = 40,
            ValueDim = 40,
            QueryLayout = Layout.LengthFirst,
            KeyLayout = Layout.LengthFirst,
            ValueLayout = Layout.LengthFirst,
            OutputLayout = Layout.LengthFirst,
        },
        Ordinary with
        {
            Queries = 20,
            Keys = 100,
            HeadDim = 512,
            ValueDim = 512,
        },
    ];

    public static TheoryData<AttentionDType, int> TypesAndShapes()
    {
        var rows = new TheoryData<AttentionDType, int>();
        foreach (AttentionDType dtype in Enum.GetValues<AttentionDType>())
        {
            for (int i = 0; i < Shapes.Length; i++)
            {
                rows.Add(dtype, i);
            }
        }
        return rows;
    }

    /// <summary>Rows of a mask that are one large number all along, as Hugging Face's libraries make them for padding: every key weighs the
    /// same.</summary>
    [Theory]
    [MemberData(nameof(TypesAndShapes))]
    public void Forward_MaskOfOneNumber_IsTheMeanOfTheValues(AttentionDType dtype, int shape)
    {
        FlashCase problem = Shapes[shape] with { DType = dtype, Mask = AttentionMaskKind.Additive, MaskDensity = 1 };
        ForType(dtype, new MaskOfOneNumber(problem));
    }

    /// <summary>Keys that are all the same: scores of any size, every key weighs the same.</summary>
    [Theory]
    [MemberData(nameof(TypesAndShapes))]
    public void Forward_EqualKeys_IsTheMeanOfTheValues(AttentionDType dtype, int shape)
    {
        FlashCase problem = Shapes[shape] with { DType = dtype, KeyLayout = Layout.Dense with { Broadcast = 4 } };
        ForType(dtype, new EqualKeys(problem));
        ForType(dtype, new EqualKeys(problem with { Scale = 1 }));
    }

    [Theory]
    [MemberData(nameof(TypesAndShapes))]
    public void Forward_OneKeyFarAboveTheOthers_IsItsValue(AttentionDType dtype, int shape) =>
        ForType(dtype, new OneKeyFarAbove(Shapes[shape] with { DType = dtype, Mask = AttentionMaskKind.Additive, MaskDensity = 1 }));

    /// <summary>The sum of many values near the largest number has no room in the type, their mean has.</summary>
    [Theory]
    [MemberData(nameof(TypesAndShapes))]
    public void Forward_LargestValues_AreNotOverrun(AttentionDType dtype, int shape) =>
        ForType(dtype, new LargestValues(Shapes[shape] with { DType = dtype }));

    private static void ForType(AttentionDType dtype, ICheck check)
    {
        switch (dtype)
        {
            case AttentionDType.Float16:
                check.Run<Half>();
                break;
            case AttentionDType.BFloat16:
                check.Run<BFloat16>();
                break;
            case AttentionDType.Float64:
                check.Run<double>();
                break;
            default:
                check.Run<float>();
                break;
        }
    }

    private static T Number<T>(double size)
        where T : unmanaged => Numbers<T>.Of(Math.Clamp(size, -Numbers<T>.Largest, Numbers<T>.Largest));

    private static void AssertIsMean<T>(FlashRun<T> run, FlashCase problem)
        where T : unmanaged
    {
        Each(
            problem with
            {
                Queries = 1,
            },
            (b, h, _, d) =>
            {
                double mean = Enumerable.Range(0, problem.Keys).Average(j => Numbers<T>.ToDouble(run.Value[b, h / problem.Group, j, d]));
                for (int i = 0; i < problem.Queries; i++)
                {
                    AssertClose(mean, run.Output[b, h, i, d], 1);
                }
            }
        );
    }

    private static void Each(FlashCase problem, Action<int, int, int, int> check)
    {
        for (int b = 0; b < problem.Batch; b++)
        {
            for (int h = 0; h < problem.Heads; h++)
            {
                for (int i = 0; i < problem.Queries; i++)
                {
                    for (int d = 0; d < problem.ValueDim; d += 7)
                    {
                        check(b, h, i, d);
                    }
                }
            }
        }
    }

    private static void AssertClose<T>(double right, T found, double size)
        where T : unmanaged
    {
        double tolerance = 100 * Numbers<T>.ComputeRounding * size + Numbers<T>.OutputRounding(right);
        Assert.True(
            Numbers<T>.AreClose(Numbers<T>.ToDouble(found), right, tolerance),
            $"expected {right:R}, found {found}, tolerance {tolerance:G3}"
        );
    }

    private interface ICheck
    {
        void Run<T>()
            where T : unmanaged;
    }

    private sealed class MaskOfOneNumber(FlashCase problem) : ICheck
    {
        public void Run<T>()
            where T : unmanaged
        {
            var run = new FlashRun<T>(problem);
            foreach (double size in Sizes.Where(size => Math.Abs(Numbers<T>.ToDouble(Number<T>(size))) >= 1e9 || typeof(T) == typeof(Half)))
            {
                bool isFlat = typeof(T) != typeof(Half) && (typeof(T) != typeof(double) || Math.Abs(size) >= 1e20);
                foreach (int place in run.Bias!.Places())
                {
                    run.Bias.Memory[place] = Number<T>(size);
                }
                run.Run(null);
                if (isFlat)
                {
                    AssertIsMean(run, problem);
                }
                else
                {
                    Assert.All(
                        run.Output.Places(),
                        place => Assert.True(Math.Abs(Numbers<T>.ToDouble(run.Output.Memory[place])) is > 0 and <= 1)
                    );
                }
            }
        }
    }

    private sealed class EqualKeys(FlashCase problem) : ICheck
    {
        public void Run<T>()
            where T : unmanaged
        {
            foreach (double size in Sizes)
            {
                var run = new FlashRun<T>(problem);
                double half = Math.Sign(size) * Math.Sqrt(Math.Min(Math.Abs(size), Math.Min(1e30, Numbers<T>.Largest)) / problem.HeadDim);
                run.Query.Fill(() => Math.Abs(half));
                run.Key.Fill(() => half);
                run.Run(null);
                AssertIsMean(run, problem);
            }
        }
    }

    private sealed class OneKeyFarAbove(FlashCase problem) : ICheck
    {
        public void Run<T>()
            where T : unmanaged
        {
            int key = problem.Keys - 2;
            var run = new FlashRun<T>(problem);
            foreach (double size in Sizes.Where(size => size > 0))
            {
                run.Bias!.Fill(() => 0);
                for (int i = 0; i < run.Bias.Lengths[2]; i++)
                {
                    run.Bias[0, 0, i, key] = Number<T>(size);
                }
                Each(
                    problem with
                    {
                        ValueDim = 1,
                    },
                    (b, h, i, _) =>
                        run.Bias[
                            Math.Min(b, (int)run.Bias.Lengths[0] - 1),
                            Math.Min(h, (int)run.Bias.Lengths[1] - 1),
                            Math.Min(i, (int)run.Bias.Lengths[2] - 1),
                            key
                        ] = Number<T>(size)
                );
                run.Run(null);
                Each(
                    problem,
                    (b, h, i, d) => AssertClose(Numbers<T>.ToDouble(run.Value[b, h / problem.Group, key, d]), run.Output[b, h, i, d], 0)
                );
            }
        }
    }

    private sealed class LargestValues(FlashCase problem) : ICheck
    {
        public void Run<T>()
            where T : unmanaged
        {
            var run = new FlashRun<T>(problem);
            double largest = Numbers<T>.Largest * 0.99;
            run.Value.Fill(() => largest);
            run.Run(null);
            Each(problem, (b, h, i, d) => AssertClose(Numbers<T>.ToDouble(run.Value[0, 0, 0, 0]), run.Output[b, h, i, d], largest));
        }
    }
}
