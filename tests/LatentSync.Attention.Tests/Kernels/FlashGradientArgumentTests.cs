using System.Numerics.Tensors;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>One test for each check at the border of the backward pass: what is wrong is named, and nothing is written.</summary>
public sealed class FlashGradientArgumentTests
{
    private const int B = 2,
        H = 4,
        Hkv = 2,
        Lq = 5,
        Lk = 6,
        D = 3,
        Dv = 2;
    private static readonly float[] Numbers = new float[1000];
    private readonly float[] _written = new float[1000];

    [Fact]
    public void Backward_GoodArguments_Runs() => FlashAttention.Backward(Good(), GoodGradients());

    [Fact]
    public void OutputGradient_OtherShape_IsRefused() =>
        Refused("OutputGradient", "found (2, 4, 5, 3); required: (2, 4, 5, 2)", Good(), GoodGradients(outputGradient: In(B, H, Lq, D)));

    [Fact]
    public void OutputGradient_NotGiven_IsRefused() =>
        Refused(
            "OutputGradient",
            "found (); required: (2, 4, 5, 2)",
            Good(),
            new()
            {
                OutputGradient = default,
                QueryGradient = Out(B, H, Lq, D),
                KeyGradient = Out(B, Hkv, Lk, D),
                ValueGradient = Out(B, Hkv, Lk, Dv),
            }
        );

    [Fact]
    public void Gradients_OtherShapes_AreRefused()
    {
        Refused("QueryGradient", "required: (2, 4, 5, 3)", Good(), GoodGradients(query: Out(B, H, Lq, Dv)));
        Refused("KeyGradient", "required: (2, 2, 6, 3)", Good(), GoodGradients(key: Out(B, H, Lk, D)));
        Refused("ValueGradient", "required: (2, 2, 6, 2)", Good(), GoodGradients(value: Out(B, Hkv, Lk, D)));
    }

    [Fact]
    public void LogSumExp_NotGivenOrWrongLength_IsRefused()
    {
        Refused("LogSumExp", "0 numbers; required: 40, as FlashAttention.Forward wrote them", Good(logSumExp: 0), GoodGradients());
        Refused("LogSumExp", "required: 40", Good(logSumExp: 39), GoodGradients());
        double[] numbers = new double[100];
        Assert.Equal(
            "LogSumExpDouble",
            Assert
                .Throws<ArgumentException>(() =>
                    FlashAttention.Backward(
                        new FlashAttentionArguments<double>
                        {
                            Query = new ReadOnlyTensorSpan<double>(numbers, [1, 1, 2, 2]),
                            Key = new ReadOnlyTensorSpan<double>(numbers, [1, 1, 2, 2]),
                            Value = new ReadOnlyTensorSpan<double>(numbers, [1, 1, 2, 2]),
                            Output = new TensorSpan<double>(new double[4], [1, 1, 2, 2]),
                        },
                        new FlashAttentionGradients<double>
                        {
                            OutputGradient = new ReadOnlyTensorSpan<double>(numbers, [1, 1, 2, 2]),
                            QueryGradient = new TensorSpan<double>(new double[4], [1, 1, 2, 2]),
                            KeyGradient = new TensorSpan<double>(new double[4], [1, 1, 2, 2]),
                            ValueGradient = new TensorSpan<double>(new double[4], [1, 1, 2, 2]),
                        }
                    )
                )
                .ParamName
        );
    }

    [Fact]
    public void ForwardArguments_Wrong_AreRefusedAsThere()
    {
        FlashAttentionArguments<float> good = Good();
        Refused(
            "Key",
            "the same number of elements",
            new()
            {
                Query = good.Query,
                Key = In(B, Hkv, Lk, 4),
                Value = good.Value,
                Output = good.Output,
                LogSumExp = good.LogSumExp,
            },
            GoodGradients()
        );
        Refused(
            "Threads",
            "at least 1",
            new()
            {
                Query = good.Query,
                Key = good.Key,
                Value = good.Value,
                Output = good.Output,
                LogSumExp = good.LogSumExp,
                Threads = 0,
            },
            GoodGradients()
        );
    }

    [Fact]
    public void PageTable_Given_IsRefused() =>
        Refused(
            "PageTable",
            "no pages",
            new()
            {
                Query = In(B, H, Lq, D),
                Key = In(B, Hkv, 4, D),
                Value = In(B, Hkv, 4, Dv),
                Output = Results(B, H, Lq, Dv),
                LogSumExp = new float[B * H * Lq],
                PageTable = new ReadOnlyTensorSpan<int>(new int[2], [2, 1]),
            },
            GoodGradients()
        );

    [Fact]
    public void OutputGradient_Broadcast_IsLegalAndGradient_Broadcast_IsRefused()
    {
        FlashAttention.Backward(
            Good(),
            GoodGradients(outputGradient: new ReadOnlyTensorSpan<float>(Numbers, [B, H, Lq, Dv], [0, 0, 0, 0]))
        );
        Refused(
            "KeyGradient",
            "strides (0, 18, 3, 1)",
            Good(),
            GoodGradients(key: new TensorSpan<float>(_written, [B, Hkv, Lk, D], [0, 18, 3, 1]))
        );
    }

    [Fact]
    public void Gradients_InOtherMemory_AreRefused()
    {
        Refused(
            "QueryGradient",
            "shared with KeyGradient",
            Good(),
            GoodGradients(query: Place(100, B, H, Lq, D), key: Place(219, B, Hkv, Lk, D))
        );
        Refused(
            "QueryGradient",
            "shared with ValueGradient",
            Good(),
            GoodGradients(query: Place(100, B, H, Lq, D), value: Place(53, B, Hkv, Lk, Dv))
        );
        Refused(
            "KeyGradient",
            "shared with ValueGradient",
            Good(),
            GoodGradients(key: Place(500, B, Hkv, Lk, D), value: Place(571, B, Hkv, Lk, Dv))
        );
        Refused(
            "KeyGradient",
            "shared with OutputGradient",
            Good(),
            GoodGradients(outputGradient: Place(0, B, H, Lq, Dv), key: Place(79, B, Hkv, Lk, D))
        );
        Refused(
            "ValueGradient",
            "shared with Output",
            Good(output: Place(0, B, H, Lq, Dv)),
            GoodGradients(value: Place(79, B, Hkv, Lk, Dv))
        );
        Refused("QueryGradient", "shared with Query", Good(query: Place(0, B, H, Lq, D)), GoodGradients(query: Place(119, B, H, Lq, D)));
        FlashAttentionArguments<float> good = Good();
        Refused(
            "QueryGradient",
            "shared with LogSumExp",
            new()
            {
                Query = good.Query,
                Key = good.Key,
                Value = good.Value,
                Output = good.Output,
                LogSumExp = _written.AsSpan(0, B * H * Lq),
            },
            GoodGradients(query: Place(39, B, H, Lq, D))
        );
        Refused(
            "ValueGradient",
            "shared with Bias",
            new()
            {
                Query = good.Query,
                Key = good.Key,
                Value = good.Value,
                Output = good.Output,
                LogSumExp = good.LogSumExp,
                Bias = Place(0, Lq, Lk),
            },
            GoodGradients(value: Place(29, B, Hkv, Lk, Dv))
        );
    }

    [Fact]
    public void Gradients_SideBySideInOneBuffer_AreLegal()
    {
        // (B, L, 3, H, D): the gradients of a projection to query, key and value.
        const int Heads = 2,
            Length = 5,
            Dim = 3;
        nint row = 3 * Heads * Dim;
        FlashAttention.Backward(
            new FlashAttentionArguments<float>
            {
                Query = In(2, Heads, Length, Dim),
                Key = In(2, Heads, Length, Dim),
                Value = In(2, Heads, Length, Dim),
                Output = Results(2, Heads, Length, Dim),
                LogSumExp = new float[2 * Heads * Length],
            },
            new FlashAttentionGradients<float>
            {
                OutputGradient = In(2, Heads, Length, Dim),
                QueryGradient = Part(0),
                KeyGradient = Part(1),
                ValueGradient = Part(2),
            }
        );

        TensorSpan<float> Part(int part) => new(_written, part * Heads * Dim, [2, Heads, Length, Dim], [Length * row, Dim, row, 1]);
    }

    private static ReadOnlyTensorSpan<float> In(params ReadOnlySpan<int> lengths) => new TensorSpan<float>(Numbers, Wide(lengths));

    private static TensorSpan<float> Results(params ReadOnlySpan<int> lengths) => new(new float[1000], Wide(lengths));

    private static nint[] Wide(ReadOnlySpan<int> lengths)
    {
        var wide = new nint[lengths.Length];
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] = lengths[i];
        }
        return wide;
    }

    private static FlashAttentionArguments<float> Good(
        ReadOnlyTensorSpan<float> query = default,
        TensorSpan<float> output = default,
        int logSumExp = B * H * Lq
    ) =>
        new()
        {
            Query = query.Rank == 0 ? In(B, H, Lq, D) : query,
            Key = In(B, Hkv, Lk, D),
            Value = In(B, Hkv, Lk, Dv),
            Output = output.Rank == 0 ? Results(B, H, Lq, Dv) : output,
            LogSumExp = new float[logSumExp],
        };

    private FlashAttentionGradients<float> GoodGradients(
        ReadOnlyTensorSpan<float> outputGradient = default,
        TensorSpan<float> query = default,
        TensorSpan<float> key = default,
        TensorSpan<float> value = default
    ) =>
        new()
        {
            OutputGradient = outputGradient.Rank == 0 ? In(B, H, Lq, Dv) : outputGradient,
            QueryGradient = query.Rank == 0 ? Place(700, B, H, Lq, D) : query,
            KeyGradient = key.Rank == 0 ? Place(820, B, Hkv, Lk, D) : key,
            ValueGradient = value.Rank == 0 ? Place(892, B, Hkv, Lk, Dv) : value,
        };

    private TensorSpan<float> Out(params ReadOnlySpan<int> lengths) => new(_written, Wide(lengths));

    private TensorSpan<float> Place(int start, params ReadOnlySpan<int> lengths) => new(_written, start, Wide(lengths), []);

    private void Refused(string parameter, string words, FlashAttentionArguments<float> arguments, FlashAttentionGradients<float> gradients)
    {
        _written.AsSpan().Clear();
        ArgumentException? refusal = null;
        try
        {
            FlashAttention.Backward(arguments, gradients);
        }
        catch (ArgumentException exception)
        {
            refusal = exception;
        }
        Assert.NotNull(refusal);
        Assert.Equal(parameter, refusal.ParamName);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.All(_written, number => Assert.Equal(0, number));
    }
}
