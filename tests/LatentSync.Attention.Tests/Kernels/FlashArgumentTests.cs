using System.Numerics.Tensors;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>One test for each check at the border: what is wrong is named, and nothing is written.</summary>
public sealed class FlashArgumentTests
{
    private const int B = 2,
        H = 4,
        Hkv = 2,
        Lq = 5,
        Lk = 6,
        D = 3,
        Dv = 2;
    private static readonly float[] Numbers = new float[1000];
    private readonly float[] _output = new float[1000];

    [Fact]
    public void Forward_GoodArguments_Runs() => FlashAttention.Forward(Good());

    [Fact]
    public void Query_WrongRank_IsRefused() =>
        Refused(
            "Query",
            "3 dimensions",
            new()
            {
                Query = In(H, Lq, D),
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
            }
        );

    [Fact]
    public void Key_WrongRank_IsRefused() =>
        Refused(
            "Key",
            "3 dimensions",
            new()
            {
                Query = Q,
                Key = In(Hkv, Lk, D),
                Value = V,
                Output = Out(B, H, Lq, Dv),
            }
        );

    [Fact]
    public void Value_NotGiven_IsRefused() =>
        Refused(
            "Value",
            "0 dimensions",
            new()
            {
                Query = Q,
                Key = K,
                Value = default,
                Output = Out(B, H, Lq, Dv),
            }
        );

    [Fact]
    public void Output_WrongRank_IsRefused() =>
        Refused(
            "Output",
            "1 dimensions",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B * H * Lq * Dv),
            }
        );

    [Fact]
    public void Key_OtherHeadDim_IsRefused() =>
        Refused(
            "Key",
            "key (2, 2, 6, 4), query (2, 4, 5, 3)",
            new()
            {
                Query = Q,
                Key = In(B, Hkv, Lk, 4),
                Value = V,
                Output = Out(B, H, Lq, Dv),
            }
        );

    [Fact]
    public void Key_OtherBatch_IsRefused() =>
        Refused(
            "Key",
            "as many sequences",
            new()
            {
                Query = Q,
                Key = In(3, Hkv, Lk, D),
                Value = V,
                Output = Out(B, H, Lq, Dv),
            }
        );

    [Fact]
    public void Value_OtherLength_IsRefused() =>
        Refused(
            "Value",
            "value (2, 2, 7, 2)",
            new()
            {
                Query = Q,
                Key = K,
                Value = In(B, Hkv, 7, Dv),
                Output = Out(B, H, Lq, Dv),
            }
        );

    [Fact]
    public void Output_OtherShape_IsRefused() =>
        Refused(
            "Output",
            "required: (2, 4, 5, 2)",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, D),
            }
        );

    [Fact]
    public void Key_HeadsDoNotDivide_IsRefused() =>
        Refused(
            null,
            "a multiple of key heads",
            new()
            {
                Query = Q,
                Key = In(B, 3, Lk, D),
                Value = In(B, 3, Lk, Dv),
                Output = Out(B, H, Lq, Dv),
            }
        );

    [Fact]
    public void Heads_None_IsRefused() =>
        Refused(
            null,
            "at least one of each",
            new()
            {
                Query = In(B, 0, Lq, D),
                Key = K,
                Value = V,
                Output = Out(B, 0, Lq, Dv),
            }
        );

    [Fact]
    public void HeadDim_None_IsRefused() =>
        Refused(
            null,
            "both at least 1",
            new()
            {
                Query = In(B, H, Lq, 0),
                Key = In(B, Hkv, Lk, 0),
                Value = V,
                Output = Out(B, H, Lq, Dv),
            }
        );

    [Fact]
    public void Query_Broadcast_IsLegalAndOutput_Broadcast_IsRefused()
    {
        var query = new ReadOnlyTensorSpan<float>(Numbers, [B, H, Lq, D], [0, 0, 0, 1]);
        FlashAttention.Forward(
            new FlashAttentionArguments<float>
            {
                Query = query,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
            }
        );
        Refused(
            "Output",
            "strides (0, 10, 2, 1)",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = new TensorSpan<float>(_output, [B, H, Lq, Dv], [0, 10, 2, 1]),
            }
        );
    }

    [Fact]
    public void Output_IsAnInput_IsRefused()
    {
        var output = new TensorSpan<float>(_output, 100, [B, H, Lq, Dv], []);
        Refused(
            "Output",
            "shared with Query",
            new()
            {
                Query = Shared(B, H, Lq, D),
                Key = K,
                Value = V,
                Output = output,
            }
        );
        Refused(
            "Output",
            "shared with Key",
            new()
            {
                Query = Q,
                Key = Shared(B, Hkv, Lk, D, 90),
                Value = V,
                Output = output,
            }
        );
        Refused(
            "Output",
            "shared with Value",
            new()
            {
                Query = Q,
                Key = K,
                Value = Shared(B, Hkv, Lk, Dv, 179),
                Output = output,
            }
        );
        Refused(
            "Output",
            "shared with Bias",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = output,
                Bias = Shared(B, H, Lq, Lk, 0),
            }
        );
        Refused(
            "Output",
            "shared with LogSumExp",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = output,
                LogSumExp = _output.AsSpan(150, B * H * Lq),
            }
        );
        Refused(
            "LogSumExp",
            "shared with Query",
            new()
            {
                Query = Shared(B, H, Lq, D, 500),
                Key = K,
                Value = V,
                Output = output,
                LogSumExp = _output.AsSpan(600, B * H * Lq),
            }
        );
        Refused(
            "Output",
            "shared with AlibiSlopes",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = output,
                AlibiSlopes = _output.AsSpan(179, H),
            }
        );
        FlashAttention.Forward(
            new FlashAttentionArguments<float>
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = output,
                AlibiSlopes = _output.AsSpan(180, H),
            }
        );

        ReadOnlyTensorSpan<float> Shared(int a, int b, int c, int d, int start = 99) => new(_output, start, [a, b, c, d], []);
    }

    [Fact]
    public void Output_BesideTheInputsOfOneBuffer_IsLegal()
    {
        // (B, L, 4, H, D): query, key, value and result side by side in each position.
        const int Heads = 2,
            Length = 5,
            Dim = 3;
        nint row = 4 * Heads * Dim;
        FlashAttention.Forward(
            Part(0),
            Part(1),
            Part(2),
            new TensorSpan<float>(_output, 3 * Heads * Dim, [2, Heads, Length, Dim], [Length * row, Dim, row, 1])
        );

        ReadOnlyTensorSpan<float> Part(int part) => new(_output, part * Heads * Dim, [2, Heads, Length, Dim], [Length * row, Dim, row, 1]);
    }

    [Fact]
    public void Mask_AndBias_IsRefused() =>
        Refused(
            "Bias",
            "not both",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                Bias = In(Lq, Lk),
                Mask = new ReadOnlyTensorSpan<bool>(new bool[Lk]),
            }
        );

    [Fact]
    public void Mask_DoesNotBroadcast_IsRefused()
    {
        Refused(
            "Mask",
            "(B, H, Lq, Lk) = (2, 4, 5, 6)",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                Mask = new ReadOnlyTensorSpan<bool>(new bool[Lq]),
            }
        );
        Refused(
            "Bias",
            "found (2, 5, 6)",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                Bias = In(B, Lq, Lk),
            }
        );
        Refused(
            "Bias",
            "at most 4",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                Bias = In(1, 1, 1, Lq, Lk),
            }
        );
    }

    [Fact]
    public void CausalAlignment_Unknown_IsRefused() =>
        Refused(
            "CausalAlignment",
            "TopLeft or BottomRight",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                CausalAlignment = (CausalAlignment)7,
            }
        );

    [Fact]
    public void Windows_Negative_AreRefused()
    {
        Refused(
            null,
            "window",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                LeftWindow = -1,
            }
        );
        Refused(
            null,
            "window",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                RightWindow = -1,
            }
        );
        FlashAttention.Forward(
            new FlashAttentionArguments<float>
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                LeftWindow = int.MaxValue,
                RightWindow = int.MaxValue,
            }
        );
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Scale_NotFinite_IsRefused(double scale) =>
        Refused(
            null,
            "scale",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                Scale = scale,
            }
        );

    [Theory]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Softcap_NegativeOrNotFinite_IsRefused(double softcap) =>
        Refused(
            null,
            "0 for none",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                Softcap = softcap,
            }
        );

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1)]
    [InlineData(double.NaN)]
    public void Dropout_NoProbabilityBelowOne_IsRefused(double dropout) =>
        Refused(
            null,
            "0 <= dropout < 1",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                Dropout = dropout,
            }
        );

    [Fact]
    public void Threads_None_IsRefused() =>
        Refused(
            "Threads",
            "at least 1",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                Threads = 0,
            }
        );

    [Fact]
    public void AlibiSlopes_WrongNumberOrNotFinite_AreRefused()
    {
        Refused(
            "AlibiSlopes",
            "H = 4 or B · H = 8",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                AlibiSlopes = new float[5],
            }
        );
        Refused(
            "AlibiSlopes",
            "finite",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                AlibiSlopes = [1, 2, float.NaN, 3],
            }
        );
    }

    [Fact]
    public void LogSumExp_WrongLengthOrType_IsRefused()
    {
        Refused(
            "LogSumExp",
            "required: 40",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                LogSumExp = new float[39],
            }
        );
        Refused(
            "LogSumExpDouble",
            "LogSumExp",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                LogSumExpDouble = new double[40],
            }
        );
        double[] numbers = new double[100];
        Assert.Equal(
            "LogSumExp",
            Assert
                .Throws<ArgumentException>(() =>
                    FlashAttention.Forward(
                        new FlashAttentionArguments<double>
                        {
                            Query = new ReadOnlyTensorSpan<double>(numbers, [1, 1, 2, 2]),
                            Key = new ReadOnlyTensorSpan<double>(numbers, [1, 1, 2, 2]),
                            Value = new ReadOnlyTensorSpan<double>(numbers, [1, 1, 2, 2]),
                            Output = new TensorSpan<double>(new double[4], [1, 1, 2, 2]),
                            LogSumExp = new float[2],
                        }
                    )
                )
                .ParamName
        );
    }

    [Theory]
    [InlineData("first start 1", 1, 3, 5)]
    [InlineData("no number smaller", 0, 4, 3)]
    [InlineData("at most 5", 0, 3, 6)]
    public void QueryStarts_NotCumulativeOrBeyond_AreRefused(string words, params int[] starts) =>
        Refused(
            "QueryStarts",
            words,
            new()
            {
                Query = In(1, H, Lq, D),
                Key = K,
                Value = V,
                Output = Out(1, H, Lq, Dv),
                QueryStarts = starts,
            }
        );

    [Fact]
    public void QueryStarts_SeveralBatches_AreRefused() =>
        Refused(
            "Query",
            "1 in the first dimension",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                QueryStarts = [0, 2, 4],
            }
        );

    [Fact]
    public void KeyStarts_NotFitting_AreRefused()
    {
        ReadOnlyTensorSpan<float> key = In(1, Hkv, Lk, D),
            value = In(1, Hkv, Lk, Dv);
        Refused(
            "KeyStarts",
            "3, one more than sequences",
            new()
            {
                Query = Q,
                Key = key,
                Value = value,
                Output = Out(B, H, Lq, Dv),
                KeyStarts = [0, 6],
            }
        );
        Refused(
            "KeyStarts",
            "at most 6",
            new()
            {
                Query = Q,
                Key = key,
                Value = value,
                Output = Out(B, H, Lq, Dv),
                KeyStarts = [0, 6, 7],
            }
        );
        Refused(
            "KeyStarts",
            "no number smaller",
            new()
            {
                Query = Q,
                Key = key,
                Value = value,
                Output = Out(B, H, Lq, Dv),
                KeyStarts = [0, 6, 5],
            }
        );
        Refused(
            "Key",
            "1 in the first dimension",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                KeyStarts = [0, 3, 6],
            }
        );
    }

    [Fact]
    public void KeyLengths_NotFitting_AreRefused()
    {
        Refused(
            "KeyLengths",
            "2, one per sequence",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                KeyLengths = [1, 2, 3],
            }
        );
        Refused(
            "KeyLengths",
            "0 to 6",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                KeyLengths = [1, 7],
            }
        );
        Refused(
            "KeyLengths",
            "-1 keys of sequence 0",
            new()
            {
                Query = Q,
                Key = K,
                Value = V,
                Output = Out(B, H, Lq, Dv),
                KeyLengths = [-1, 2],
            }
        );
    }

    [Fact]
    public void PageTable_NotFitting_IsRefused()
    {
        Refused(
            "PageTable",
            "page 3 at (1, 1)",
            new()
            {
                Query = Q,
                Key = Pages,
                Value = PagesOfValues,
                Output = Out(B, H, Lq, Dv),
                PageTable = Table(0, 1, 2, 3),
            }
        );
        Refused(
            "PageTable",
            "page -1 at (0, 0)",
            new()
            {
                Query = Q,
                Key = Pages,
                Value = PagesOfValues,
                Output = Out(B, H, Lq, Dv),
                PageTable = Table(-1, 1, 2, 2),
            }
        );
        FlashAttention.Forward(
            new FlashAttentionArguments<float>
            {
                Query = Q,
                Key = Pages,
                Value = PagesOfValues,
                Output = Out(B, H, Lq, Dv),
                PageTable = Table(0, 99, 2, -1),
                KeyLengths = [4, 3],
            }
        );
        Refused(
            "PageTable",
            "page 99 at (0, 1)",
            new()
            {
                Query = Q,
                Key = Pages,
                Value = PagesOfValues,
                Output = Out(B, H, Lq, Dv),
                PageTable = Table(0, 99, 2, -1),
                KeyLengths = [5, 3],
            }
        );
        Refused(
            "KeyLengths",
            "0 to 8",
            new()
            {
                Query = Q,
                Key = Pages,
                Value = PagesOfValues,
                Output = Out(B, H, Lq, Dv),
                PageTable = Table(0, 1, 2, 2),
                KeyLengths = [9, 3],
            }
        );
        Refused(
            "PageTable",
            "(2, pages per sequence)",
            new()
            {
                Query = Q,
                Key = Pages,
                Value = PagesOfValues,
                Output = Out(B, H, Lq, Dv),
                PageTable = new ReadOnlyTensorSpan<int>(new int[3], [3, 1]),
            }
        );
        Refused(
            "PageTable",
            "side by side",
            new()
            {
                Query = Q,
                Key = Pages,
                Value = PagesOfValues,
                Output = Out(B, H, Lq, Dv),
                PageTable = new ReadOnlyTensorSpan<int>(new int[8], [2, 2], [4, 1]),
            }
        );
        Refused(
            "KeyStarts",
            "not both",
            new()
            {
                Query = Q,
                Key = Pages,
                Value = PagesOfValues,
                Output = Out(B, H, Lq, Dv),
                PageTable = Table(0, 1, 2, 2),
                KeyStarts = [0, 1, 2],
            }
        );
        Refused(
            "Key",
            "at least 1 key",
            new()
            {
                Query = Q,
                Key = In(3, Hkv, 0, D),
                Value = In(3, Hkv, 0, Dv),
                Output = Out(B, H, Lq, Dv),
                PageTable = Table(0, 1, 2, 2),
            }
        );

        static ReadOnlyTensorSpan<int> Table(params int[] pages) => new(pages, [2, 2]);
    }

    [Fact]
    public void Type_Other_IsNotSupported()
    {
        var numbers = new int[4];
        Assert.Throws<NotSupportedException>(() =>
            FlashAttention.Forward<int>(
                new ReadOnlyTensorSpan<int>(numbers, [1, 1, 2, 2]),
                new ReadOnlyTensorSpan<int>(numbers, [1, 1, 2, 2]),
                new ReadOnlyTensorSpan<int>(numbers, [1, 1, 2, 2]),
                new TensorSpan<int>(new int[4], [1, 1, 2, 2])
            )
        );
    }

    /// <summary>Bounds and overlaps within a tensor are the type's: it cannot be made otherwise.</summary>
    [Fact]
    public void TensorSpan_BeyondItsMemoryOrOverItself_CannotBeMade()
    {
        Assert.ThrowsAny<ArgumentException>(() => new TensorSpan<float>(new float[23], [2, 3, 4], [12, 4, 1]).Rank);
        Assert.ThrowsAny<ArgumentException>(() => new TensorSpan<float>(new float[24], [2, 3, 4], [12, 3, 1]).Rank);
        Assert.Throws<ArgumentOutOfRangeException>(() => new TensorSpan<float>(new float[24], [2, 3, 4], [12, 4, -1]).Rank);
        Assert.Throws<OverflowException>(() => new TensorSpan<float>(new float[24], [3, 2], [nint.MaxValue, 1]).Rank);
    }

    private static ReadOnlyTensorSpan<float> Q => In(B, H, Lq, D);

    private static ReadOnlyTensorSpan<float> K => In(B, Hkv, Lk, D);

    private static ReadOnlyTensorSpan<float> V => In(B, Hkv, Lk, Dv);

    private static ReadOnlyTensorSpan<float> Pages => In(3, Hkv, 4, D);

    private static ReadOnlyTensorSpan<float> PagesOfValues => In(3, Hkv, 4, Dv);

    private static ReadOnlyTensorSpan<float> In(params ReadOnlySpan<int> lengths) => new TensorSpan<float>(Numbers, Wide(lengths));

    private static nint[] Wide(ReadOnlySpan<int> lengths)
    {
        var wide = new nint[lengths.Length];
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] = lengths[i];
        }
        return wide;
    }

    private FlashAttentionArguments<float> Good() =>
        new()
        {
            Query = Q,
            Key = K,
            Value = V,
            Output = Out(B, H, Lq, Dv),
        };

    private TensorSpan<float> Out(params ReadOnlySpan<int> lengths) => new(_output, Wide(lengths));

    private void Refused(string? parameter, string words, FlashAttentionArguments<float> arguments)
    {
        _output.AsSpan().Clear();
        ArgumentException? refusal = null;
        try
        {
            FlashAttention.Forward(arguments);
        }
        catch (ArgumentException exception)
        {
            refusal = exception;
        }
        Assert.NotNull(refusal);
        Assert.Equal(parameter, refusal.ParamName);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.All(_output, number => Assert.Equal(0, number));
    }
}
