using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using LatentSync.Attention.Wording;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Problems;

/// <summary>Which corner the causal diagonal starts from when there are more keys than queries or fewer.</summary>
public enum CausalAlignment
{
    /// <summary>Query i sees key j when j ≤ i, as PyTorch's <c>is_causal</c>.</summary>
    TopLeft,

    /// <summary>Query i sees key j when j ≤ i + Lk - Lq, as FlashAttention since 2.1: the last query sees every key.</summary>
    BottomRight,
}

/// <summary>Order in memory of the query's heads and positions.</summary>
public enum OperandLayout
{
    /// <summary>(B, H, L, D): a head's positions are neighbours.</summary>
    HeadsFirst,

    /// <summary>(B, L, H, D) seen through a transpose, as projections write it.</summary>
    LengthFirst,

    /// <summary>Anything else.</summary>
    Other,
}

/// <summary>Operands of a call, as a set.</summary>
[Flags]
public enum AttentionOperands
{
    /// <summary>None of them.</summary>
    None = 0,

    /// <summary>The query.</summary>
    Query = 1,

    /// <summary>The key.</summary>
    Key = 2,

    /// <summary>The value.</summary>
    Value = 4,
}

/// <summary>One call of attention, softmax(scale · Q Kᵀ + bias) V, without its tensors: everything that decides which backend can
/// compute it, what memory it takes, and nothing else. Equal problems have equal plans.</summary>
public readonly record struct AttentionProblem
{
    /// <summary>No memory is larger, and every estimate for smaller operands fits into 128 bits.</summary>
    private const long MaximumOperandBytes = 1L << 62;

    private const string Subject = "This is not an attention problem";

    /// <summary>An empty problem; set the properties.</summary>
    public AttentionProblem() { }

    /// <summary>Sequences (B), at least 0.</summary>
    public required int Batch { get; init; }

    /// <summary>Query heads (H), at least 1.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Key and value heads (Hkv); divides <see cref="HeadCount"/>. Smaller than it means grouped-query attention.</summary>
    public required int KvHeadCount { get; init; }

    /// <summary>Queries (Lq), at least 0.</summary>
    public required int QueryLength { get; init; }

    /// <summary>Keys (Lk), at least 0.</summary>
    public required int KeyLength { get; init; }

    /// <summary>Elements of a query or key vector (D), at least 1.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Elements of a value vector (Dv), at least 1; may differ from <see cref="HeadDim"/>.</summary>
    public required int ValueDim { get; init; }

    /// <summary>Element type of query, key and value.</summary>
    public AttentionDType DType { get; init; } = AttentionDType.Float32;

    /// <summary>Where the tensors live.</summary>
    public AttentionDevice Device { get; init; }

    /// <summary>Facts about the mask.</summary>
    public AttentionMask Mask { get; init; }

    /// <summary>Keys after the diagonal are hidden.</summary>
    public bool IsCausal { get; init; }

    /// <summary>Where the causal diagonal lies. Default top-left.</summary>
    public CausalAlignment CausalAlignment { get; init; }

    /// <summary>Keys before the diagonal that a query sees, at least 0; null (default) for all.</summary>
    public int? LeftWindow { get; init; }

    /// <summary>Keys after the diagonal that a query sees, at least 0; null (default) for all. The diagonal is the causal one.</summary>
    public int? RightWindow { get; init; }

    /// <summary>Scores become c·tanh(score/c) before the bias; 0 (default) is off.</summary>
    public double Softcap { get; init; }

    /// <summary>Probability that a weight is dropped, 0 (default) up to but not 1.</summary>
    public double Dropout { get; init; }

    /// <summary>Factor on Q Kᵀ; null (default) is 1/√D.</summary>
    public double? Scale { get; init; }

    /// <summary>A gradient of query, key or value is wanted.</summary>
    public bool NeedsGradient { get; init; }

    /// <summary>The same operands must give the same bits each time, gradients included. Default false.</summary>
    public bool NeedsDeterminism { get; init; }

    /// <summary>The logarithm of each row's sum of exponentials is wanted beside the result.</summary>
    public bool NeedsLogSumExp { get; init; }

    /// <summary>Dimensions of the operands as given; 4 (default) is (B, H, L, D).</summary>
    public int Rank { get; init; } = 4;

    /// <summary>Key or value have batch 1 where the query has more: they are broadcast.</summary>
    public bool BroadcastsBatch { get; init; }

    /// <summary>Operands whose last dimension does not have stride 1.</summary>
    public AttentionOperands Strided { get; init; }

    /// <summary>Order in memory of the query.</summary>
    public OperandLayout QueryLayout { get; init; }

    /// <summary>Alignment that all operands' rows are known to have, in bytes; 0 (default) when it was not determined.</summary>
    public int AlignmentBytes { get; init; }

    /// <summary>The factor that is used: <see cref="Scale"/> or 1/√D.</summary>
    public double EffectiveScale => Scale ?? 1.0 / Math.Sqrt(HeadDim);

    /// <summary>Several query heads share a key head.</summary>
    public bool IsGrouped => HeadCount != KvHeadCount;

    /// <summary>A window hides keys on at least one side.</summary>
    public bool HasWindow => LeftWindow is not null || RightWindow is not null;

    /// <summary>Nothing can be attended to, or nobody attends.</summary>
    public bool IsEmpty => Batch == 0 || QueryLength == 0 || KeyLength == 0;

    /// <summary>The causal diagonal lies bottom-right and that differs from top-left.</summary>
    public bool IsShiftedCausal => IsCausal && CausalAlignment == CausalAlignment.BottomRight && QueryLength != KeyLength;

    /// <summary>Elements of the whole score matrix, B·H·Lq·Lk; at most <see cref="long.MaxValue"/>.</summary>
    public long ScoreCount => (long)Int128.Min((Int128)Batch * HeadCount * QueryLength * KeyLength, long.MaxValue);

    /// <summary>Bytes of the result; at most <see cref="long.MaxValue"/>.</summary>
    public long OutputBytes => (long)Int128.Min((Int128)Batch * HeadCount * QueryLength * ValueDim * DType.Size(), long.MaxValue);

    /// <summary>Floating-point operations of the two products, 2·B·H·Lq·Lk·(D + Dv), the causal half not deducted.</summary>
    public double FlopCount => 2.0 * ((double)Batch * HeadCount * QueryLength * KeyLength) * ((double)HeadDim + ValueDim);

    /// <summary>A problem of the common kind: as many key heads as query heads, value dim equal to head dim, float32, CPU.</summary>
    /// <param name="batch">Sequences (B).</param>
    /// <param name="headCount">Heads (H).</param>
    /// <param name="queryLength">Queries (Lq).</param>
    /// <param name="keyLength">Keys (Lk).</param>
    /// <param name="headDim">Elements of a head's vectors (D).</param>
    public static AttentionProblem Of(int batch, int headCount, int queryLength, int keyLength, int headDim) =>
        new()
        {
            Batch = batch,
            HeadCount = headCount,
            KvHeadCount = headCount,
            QueryLength = queryLength,
            KeyLength = keyLength,
            HeadDim = headDim,
            ValueDim = headDim,
        };

    /// <summary>Checks that the problem has a meaning, whatever the backend.</summary>
    /// <exception cref="ArgumentException">It has none; the message says which quantity, what was found and what is required.</exception>
    public void Validate()
    {
        Require(
            Batch >= 0 && QueryLength >= 0 && KeyLength >= 0,
            $"batch {Batch}, Lq {QueryLength}, Lk {KeyLength}",
            "none of them negative"
        );
        Require(HeadCount >= 1 && KvHeadCount >= 1, $"{HeadCount} query heads, {KvHeadCount} key heads", "at least one of each");
        Require(HeadCount % KvHeadCount == 0, $"{HeadCount} query heads, {KvHeadCount} key heads", "query heads a multiple of key heads");
        Require(HeadDim >= 1 && ValueDim >= 1, $"headDim {HeadDim}, valueDim {ValueDim}", "both at least 1");
        Int128 dim = Math.Max(HeadDim, ValueDim),
            elements = Int128.Max((Int128)HeadCount * QueryLength, (Int128)KvHeadCount * KeyLength) * dim;
        Require(
            elements * Batch * DType.Size() < MaximumOperandBytes,
            $"batch {Batch}, heads {HeadCount}, Lq {QueryLength}, Lk {KeyLength}, headDim {HeadDim}, valueDim {ValueDim}",
            "every operand smaller than 2^62 bytes"
        );
        Require(double.IsFinite(EffectiveScale), $"scale {EffectiveScale}", "a finite number");
        Require(Dropout is >= 0 and < 1, $"dropout {Dropout}", "0 <= dropout < 1");
        Require(Softcap >= 0 && double.IsFinite(Softcap), $"softcap {Softcap}", "a finite number, 0 for none");
        Require(LeftWindow is not < 0 && RightWindow is not < 0, $"window ({LeftWindow}, {RightWindow})", "each at least 0, or none");
        Require(Rank >= 2, $"operands of rank {Rank}", "rank 2 or more, (..., L, D)");
        Require(
            Mask.Kind == AttentionMaskKind.None
                || Fits(Mask.Batch, Batch) && Fits(Mask.Heads, HeadCount) && Fits(Mask.Rows, QueryLength) && Fits(Mask.Columns, KeyLength),
            $"a mask of ({Mask.Batch}, {Mask.Heads}, {Mask.Rows}, {Mask.Columns})",
            $"broadcastable to (B, H, Lq, Lk) = ({Batch}, {HeadCount}, {QueryLength}, {KeyLength})"
        );
    }

    /// <summary>"B 2, H 8, Lq 4096, Lk 50, headDim 40, float16, cuda:0" and whatever departs from the ordinary, in English.</summary>
    public string Describe() => Describe(Language.English);

    /// <summary>"B 2, H 8, Lq 4096, Lk 50, headDim 40, float16, cuda:0" and whatever departs from the ordinary.</summary>
    /// <param name="language">The language of what departs; names and numbers are the same in all.</param>
    public string Describe(Language language)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"B {Batch}, H {HeadCount}, Lq {QueryLength}, Lk {KeyLength}, headDim {HeadDim}");
        Add(IsGrouped, Finding.Number("kvHeads", KvHeadCount));
        Add(ValueDim != HeadDim, Finding.Number("valueDim", ValueDim));
        text.Append(CultureInfo.InvariantCulture, $", {DType.LongName()}, {Device}");
        Add(Mask.Kind == AttentionMaskKind.Boolean, Finding.Of("boolean mask"));
        Add(Mask.Kind == AttentionMaskKind.Additive, Finding.Of("additive mask"));
        Add(Mask.NeedsGradient, Finding.Of("mask gradient"));
        Add(IsCausal, CausalAlignment == CausalAlignment.BottomRight ? Finding.Of("causal bottom-right") : Finding.Of("causal"));
        Add(HasWindow, Finding.Of("window ({0}, {1})", Side(LeftWindow), Side(RightWindow)));
        Add(Softcap > 0, Finding.Number("softcap", Softcap));
        Add(Dropout > 0, Finding.Number("dropout", Dropout));
        Add(NeedsGradient, Finding.Of("training"));
        Add(NeedsLogSumExp, Finding.Of("with logsumexp"));
        Add(NeedsDeterminism, Finding.Of("deterministic"));
        Add(Rank != 4, Finding.Of("rank {0}", Rank));
        return text.ToString();

        void Add(bool applies, Finding part)
        {
            if (applies)
            {
                text.Append(", ").Append(part.In(language));
            }
        }
    }

    /// <summary>The command that explains this problem, in the words of the current audience.</summary>
    public string ExplainCommand()
    {
        var text = new StringBuilder("⟦attention explain Shape=");
        text.Append(CultureInfo.InvariantCulture, $"{Batch},{HeadCount},{QueryLength},{KeyLength},{HeadDim}");
        Add(IsGrouped, $"KvHeads={KvHeadCount}");
        Add(ValueDim != HeadDim, $"ValueDim={ValueDim}");
        Add(DType != AttentionDType.Float32, $"DType={DType.ShortName()}");
        Add(IsCausal, $"Causal");
        Add(Mask.Kind != AttentionMaskKind.None, $"Mask={(Mask.Kind == AttentionMaskKind.Boolean ? "bool" : "float")}");
        Add(Device.Kind == AttentionDeviceKind.Cuda, $"Device=cuda");
        Add(NeedsGradient, $"Training");
        return Audience.Current.Vocabulary.Name(text.Append('⟧').ToString());

        void Add(bool applies, FormattableString part)
        {
            if (applies)
            {
                text.Append(' ').Append(part.ToString(CultureInfo.InvariantCulture));
            }
        }
    }

    private static Finding Side(int? window) => window is { } keys ? keys.ToString(CultureInfo.InvariantCulture) : Finding.Of("all");

    private static bool Fits(int size, int full) => size == 1 || size == full;

    private static void Require(
        bool holds,
        [InterpolatedStringHandlerArgument(nameof(holds))] ref Requirement.FailureText found,
        string required
    ) => Requirement.That(holds, Subject, ref found, required);

    private static void Require(
        bool holds,
        [InterpolatedStringHandlerArgument(nameof(holds))] ref Requirement.FailureText found,
        [InterpolatedStringHandlerArgument(nameof(holds))] ref Requirement.FailureText required
    ) => Requirement.That(holds, Subject, ref found, ref required);
}
