using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>What hidden keys and their values hold, NaN and infinity included, reaches neither the result nor a gradient: padding is often
/// uninitialised.</summary>
public sealed class FlashHiddenNumbersTests
{
    private static readonly FlashCase Ordinary = new()
    {
        Seed = 8,
        Batch = 2,
        KvHeads = 2,
        Group = 2,
        Queries = 70,
        Keys = 230,
        HeadDim = 24,
        ValueDim = 20,
    };

    private static readonly FlashCase ColumnsHidden = Ordinary with
    {
        Mask = AttentionMaskKind.Boolean,
        MaskBroadcast = 6,
        MaskDensity = 0.7,
    };

    /// <summary>Every way to hide a key from all queries of its sequence.</summary>
    private static readonly FlashCase[] Cases =
    [
        ColumnsHidden,
        ColumnsHidden with
        {
            Mask = AttentionMaskKind.Additive,
        },
        ColumnsHidden with
        {
            Mask = AttentionMaskKind.Additive,
            MaskBroadcast = 2,
            MaskDensity = 0,
        },
        ColumnsHidden with
        {
            Softcap = 3,
            Alibi = 1,
        },
        ColumnsHidden with
        {
            Dropout = 0.2,
        },
        ColumnsHidden with
        {
            Scale = -0.5,
            HeadDim = 33,
            ValueDim = 40,
        },
        ColumnsHidden with
        {
            Batch = 12,
            KvHeads = 8,
            Group = 1,
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
            IsCausal = true,
            Queries = 40,
        },
        Ordinary with
        {
            LeftWindow = 3,
            RightWindow = 5,
        },
        Ordinary with
        {
            IsCausal = true,
            LeftWindow = 10,
            Queries = 40,
            Keys = 500,
            Threads = 2,
            Alignment = CausalAlignment.BottomRight,
        },
        Ordinary with
        {
            Sequences = SequenceLengths.KeysInUse,
            IsCausal = true,
        },
        Ordinary with
        {
            Sequences = SequenceLengths.Packed,
            Mask = AttentionMaskKind.Boolean,
            MaskBroadcast = 6,
        },
        Ordinary with
        {
            Queries = 300,
            Keys = 600,
            HeadDim = 64,
            ValueDim = 64,
            KvHeads = 1,
            Batch = 1,
            Mask = AttentionMaskKind.Boolean,
            MaskBroadcast = 6,
            Threads = 2,
        },
    ];

    /// <summary>Few queries, many keys; pages, which have no gradients.</summary>
    private static readonly FlashCase[] ForwardCases =
    [
        ColumnsHidden with
        {
            Queries = 1,
            Keys = 1200,
            HeadDim = 64,
            ValueDim = 64,
        },
        ColumnsHidden with
        {
            Queries = 2,
            Keys = 300,
            Mask = AttentionMaskKind.Additive,
        },
        Ordinary with
        {
            Queries = 2,
            Keys = 1200,
            LeftWindow = 700,
            RightWindow = 3,
        },
        Ordinary with
        {
            Queries = 1,
            Keys = 700,
            Sequences = SequenceLengths.Paged,
            Mask = AttentionMaskKind.Boolean,
            MaskBroadcast = 6,
        },
        Ordinary with
        {
            Sequences = SequenceLengths.PagedPackedQueries,
            IsCausal = true,
            Mask = AttentionMaskKind.Boolean,
            MaskBroadcast = 6,
        },
    ];

    public static TheoryData<int, AttentionDType> GradientCases() => Rows(Cases.Length);

    public static TheoryData<int, AttentionDType> AllCases() => Rows(Cases.Length + ForwardCases.Length);

    [Theory]
    [MemberData(nameof(AllCases))]
    public void Forward_NaNAndInfinityInHiddenKeys_ChangeNothing(int index, AttentionDType dtype)
    {
        FlashCase problem = ((FlashCase[])[.. Cases, .. ForwardCases])[index] with { DType = dtype };
        switch (dtype)
        {
            case AttentionDType.Float16:
                CheckForward<Half>(problem);
                break;
            case AttentionDType.Float64:
                CheckForward<double>(problem);
                break;
            default:
                CheckForward<float>(problem with { DType = AttentionDType.Float32 });
                break;
        }
    }

    [Theory]
    [MemberData(nameof(GradientCases))]
    public void Backward_NaNAndInfinityInHiddenKeys_ChangeNothing(int index, AttentionDType dtype)
    {
        FlashCase problem = Cases[index] with { DType = dtype, HasGradients = true };
        switch (dtype)
        {
            case AttentionDType.Float16:
                CheckBackward<Half>(problem);
                break;
            case AttentionDType.Float64:
                CheckBackward<double>(problem);
                break;
            default:
                CheckBackward<float>(problem with { DType = AttentionDType.Float32 });
                break;
        }
    }

    /// <summary>A key that some queries see: the others do not notice it.</summary>
    [Theory]
    [InlineData(70, 230, 24)]
    [InlineData(2, 600, 64)]
    public void Forward_NaNInAKeyThatSomeSee_ReachesThoseOnly(int queries, int keys, int dim)
    {
        FlashCase[] problems =
        [
            Ordinary with
            {
                IsCausal = true,
                Alignment = CausalAlignment.BottomRight,
            },
            Ordinary with
            {
                RightWindow = 2,
                Alignment = CausalAlignment.BottomRight,
            },
            Ordinary with
            {
                Mask = AttentionMaskKind.Boolean,
                MaskDensity = 0.5,
            },
            Ordinary with
            {
                Mask = AttentionMaskKind.Additive,
                MaskDensity = 0.5,
            },
        ];
        foreach (
            FlashCase problem in problems.Select(problem =>
                problem with
                {
                    Queries = queries,
                    Keys = keys,
                    HeadDim = dim,
                    ValueDim = dim,
                    Group = 1,
                }
            )
        )
        {
            var run = new FlashRun<float>(problem);
            run.Run(null);
            float[] clean = [.. run.Output.Memory];
            int key = keys - 1;
            run.Value[1, 0, key, 5] = float.NegativeInfinity;
            run.Value[1, 1, key, 3] = float.NaN;
            run.Key[1, 1, key, 3] = float.NaN;
            run.Run(null);
            for (int h = 0; h < problem.Heads; h++)
            {
                HeadAttention head = run.Head(1, h);
                for (int i = 0; i < queries; i++)
                {
                    bool sees = head.Sees(i, key);
                    bool isFinite = float.IsFinite(run.Output[1, h, i, 3]) && float.IsFinite(run.Output[1, h, i, 5]);
                    // A value may have a weight of zero though its key is seen; NaN in the key makes all weights NaN.
                    Assert.True(sees ? h == 0 || !isFinite : isFinite, $"head {h}, query {i}, sees {sees}\n{problem}");
                    Assert.True(
                        sees || Math.Abs(run.Output[1, h, i, 5] - clean[run.Output.Place(1, h, i, 5)]) < 1e-6,
                        $"head {h}, query {i}\n{problem}"
                    );
                }
            }
        }
    }

    /// <summary>Padded queries: of a query that sees no key, and of its result's gradient, nothing reaches a gradient.</summary>
    [Fact]
    public void Backward_NaNInAQueryThatSeesNoKey_ChangesNothing()
    {
        FlashCase problem = Ordinary with { Mask = AttentionMaskKind.Additive, MaskDensity = 1, MaskBroadcast = 11, HasGradients = true };
        var run = new FlashGradientRun<float>(problem);
        for (int i = 60; i < problem.Queries; i++)
        {
            run.Forward.Bias![0, 0, i, 0] = float.NegativeInfinity;
        }
        run.ForwardAgain();
        run.Run(null);
        float[] clean = run.All();
        for (int i = 60; i < problem.Queries; i++)
        {
            (run.Forward.Query[1, 2, i, 4], run.OutputGradient[1, 2, i, 3]) = (float.NaN, float.PositiveInfinity);
        }
        run.ForwardAgain();
        run.Run(null);
        AssertSame(clean, run.All(), problem);
    }

    private static TheoryData<int, AttentionDType> Rows(int count)
    {
        var rows = new TheoryData<int, AttentionDType>();
        for (int i = 0; i < count; i++)
        {
            rows.Add(i, AttentionDType.Float32);
            rows.Add(i, i % 2 == 0 ? AttentionDType.Float64 : AttentionDType.Float16);
        }
        return rows;
    }

    private static void CheckForward<T>(FlashCase problem)
        where T : unmanaged
    {
        var run = new FlashRun<T>(problem);
        (int Head, int Place, int Row)[] hidden = HiddenKeys(run, problem);
        FillHidden(run, hidden, [0, 0]);
        run.Run(null);
        T[] clean = [.. run.Output.Memory];
        foreach (double[] numbers in Poisons)
        {
            FillHidden(run, hidden, numbers);
            run.Run(null);
            AssertSame(clean, run.Output.Memory, problem);
        }
    }

    private static void CheckBackward<T>(FlashCase problem)
        where T : unmanaged
    {
        var run = new FlashGradientRun<T>(problem);
        (int Head, int Place, int Row)[] hidden = HiddenKeys(run.Forward, problem);
        FillHidden(run.Forward, hidden, [0, 0]);
        run.ForwardAgain();
        run.Run(null);
        T[] clean = run.All();
        foreach (double[] numbers in Poisons)
        {
            FillHidden(run.Forward, hidden, numbers);
            run.ForwardAgain();
            run.Run(null);
            AssertSame(clean, run.All(), problem);
        }
    }

    private static double[][] Poisons =>
        [
            [double.NaN, double.NaN],
            [double.PositiveInfinity, double.NegativeInfinity],
            [double.NaN, 0.5],
            [0.5, double.PositiveInfinity],
        ];

    /// <summary>Key head and place of the keys that no query of their sequence sees.</summary>
    private static (int Head, int Place, int Row)[] HiddenKeys<T>(FlashRun<T> run, FlashCase problem)
        where T : unmanaged
    {
        var hidden = new List<(int, int, int)>();
        for (int b = 0; b < problem.Batch; b++)
        {
            for (int kvHead = 0; kvHead < problem.KvHeads; kvHead++)
            {
                HeadAttention[] heads = [.. Enumerable.Range(kvHead * problem.Group, problem.Group).Select(h => run.Head(b, h))];
                int queries = run.QueriesOf(b),
                    keys = heads[0].Key.GetLength(0);
                for (int j = 0; j < keys; j++)
                {
                    if (!heads.Any(head => Enumerable.Range(0, queries).Any(i => head.Sees(i, j))))
                    {
                        (int place, int row) = run.KeyPlace(b, j);
                        hidden.Add((kvHead, place, row));
                    }
                }
            }
        }
        Assert.True(hidden.Count > 0, $"nothing is hidden\n{problem}");
        return [.. hidden];
    }

    private static void FillHidden<T>(FlashRun<T> run, (int Head, int Place, int Row)[] hidden, double[] keyAndValue)
        where T : unmanaged
    {
        foreach ((int head, int place, int row) in hidden)
        {
            for (int d = 0; d < run.Key.Lengths[3]; d += 3)
            {
                run.Key[place, head, row, d] = Numbers<T>.Of(keyAndValue[0]);
            }
            for (int d = 0; d < run.Value.Lengths[3]; d++)
            {
                run.Value[place, head, row, d] = Numbers<T>.Of(keyAndValue[1]);
            }
        }
    }

    private static void AssertSame<T>(T[] expected, T[] found, FlashCase problem)
        where T : unmanaged
    {
        for (int i = 0; i < expected.Length; i++)
        {
            double right = Numbers<T>.ToDouble(expected[i]),
                number = Numbers<T>.ToDouble(found[i]);
            double tolerance = 1e-5 + 4 * Numbers<T>.OutputRounding(right); // where the result was rounded too, twice a unit
            if (!(Math.Abs(right - number) <= tolerance) && !(double.IsNaN(right) && double.IsNaN(number)))
            {
                Assert.Fail($"place {i}: {right} became {number}\n{problem}");
            }
        }
    }
}
