using System.Globalization;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Operators;

/// <summary>The operator's inputs, checked and in one form: rank 4, the cache joined. What it makes belongs to the dispose scope it is made
/// in.</summary>
internal sealed class OnnxOperands
{
    private readonly long[]? _keyLengths;
    private readonly int _maskKeys;

    /// <summary>Checks and converts.</summary>
    /// <exception cref="ArgumentException">The inputs do not fit each other or the attributes.</exception>
    internal OnnxOperands(OnnxAttentionInputs inputs, OnnxAttentionAttributes attributes)
    {
        Attributes = attributes;
        ResultType = inputs.Query.dtype;
        Require(
            IsFloat(inputs.Query) && IsFloat(inputs.Value) && inputs.Key.dtype == ResultType,
            $"types {inputs.Query.dtype}, {inputs.Key.dtype}, {inputs.Value.dtype}",
            "floating point, the same for Q and K"
        );
        Require(attributes.Scale is not { } scale || double.IsFinite(scale), $"scale {attributes.Scale}", "a finite number");
        Require(double.IsFinite(attributes.Softcap), $"softcap {attributes.Softcap}", "a finite number");
        Require(
            attributes is { LeftWindow: not < 0, RightWindow: not < 0 },
            $"window ({attributes.LeftWindow}, {attributes.RightWindow})",
            "each at least 0, or none"
        );
        Require(
            Enum.IsDefined(attributes.ScoreOutput) && (attributes.SoftmaxPrecision is not { } precision || Enum.IsDefined(precision)),
            $"score output {attributes.ScoreOutput}, precision {attributes.SoftmaxPrecision}",
            "defined values"
        );

        long rank = inputs.Query.dim();
        Require(
            rank is 3 or 4 && inputs.Key.dim() == rank && inputs.Value.dim() == rank,
            $"ranks {rank}, {inputs.Key.dim()}, {inputs.Value.dim()}",
            "all 4 (B, H, S, D) or all 3 (B, S, H*D)"
        );
        HasRank3 = rank == 3;
        Query = Rank4(inputs.Query, attributes.QueryHeadCount, "q_num_heads");
        Tensor key = Rank4(inputs.Key, attributes.KvHeadCount, "kv_num_heads");
        Tensor value = Rank4(inputs.Value, attributes.KvHeadCount, "kv_num_heads");
        Require((inputs.PastKey is null) == (inputs.PastValue is null), $"one of past_key and past_value", "both or neither");
        Key = Joined(inputs.PastKey, key);
        Value = Joined(inputs.PastValue, value);
        (Batch, HeadCount, QueryLength, HeadDim) = (Size(Query, 0), Size(Query, 1), Size(Query, 2), Size(Query, 3));
        (KvHeadCount, KeyLength, ValueDim) = (Size(Key, 1), Size(Key, 2), Size(Value, 3));
        PastLength = inputs.PastKey is null ? null : Size(inputs.PastKey, 2);
        Require(
            Key.size(0) == Batch
                && Value.size(0) == Batch
                && Key.size(3) == HeadDim
                && Value.size(1) == KvHeadCount
                && Value.size(2) == KeyLength
                && KvHeadCount > 0
                && HeadDim > 0
                && ValueDim > 0
                && HeadCount % KvHeadCount == 0,
            $"Q {Shape(Query)}, K {Shape(Key)}, V {Shape(Value)} with the cache",
            "(B, Hq, Sq, D), (B, Hk, T, D), (B, Hk, T, Dv), Hq a multiple of Hk"
        );
        _keyLengths = KeyLengths(inputs.KeyLengths);
        Mask = inputs.Mask is null ? null : MaskOf(inputs.Mask);
        _maskKeys = Mask is null ? KeyLength : Size(Mask, 3);
        bool isDouble = attributes.SoftmaxPrecision == OnnxPrecision.Float64 || Value.dtype == ScalarType.Float64;
        bool isMixed = Value.dtype != ResultType;
        ComputeType =
            isDouble ? ScalarType.Float64
            : isMixed && ResultType != ScalarType.Float64 ? ScalarType.Float32
            : ResultType;
    }

    internal OnnxAttentionAttributes Attributes { get; }

    /// <summary>(B, Hq, Sq, D).</summary>
    internal Tensor Query { get; }

    /// <summary>(B, Hk, T, D).</summary>
    internal Tensor Key { get; }

    /// <summary>(B, Hk, T, Dv).</summary>
    internal Tensor Value { get; }

    /// <summary>null, or (1 or B, 1 or Hq, 1 or Sq, at most T), boolean or floating point.</summary>
    internal Tensor? Mask { get; }

    internal int Batch { get; }

    internal int HeadCount { get; }

    internal int KvHeadCount { get; }

    internal int QueryLength { get; }

    /// <summary>T.</summary>
    internal int KeyLength { get; }

    internal int HeadDim { get; }

    internal int ValueDim { get; }

    /// <summary>P; null without a cache.</summary>
    internal int? PastLength { get; }

    internal bool HasRank3 { get; }

    /// <summary>Type of Y and of the scores.</summary>
    internal ScalarType ResultType { get; }

    /// <summary>Type that the kernels are given.</summary>
    internal ScalarType ComputeType { get; }

    internal double Scale => Attributes.Scale ?? 1 / Math.Sqrt(HeadDim);

    internal double Softcap => Math.Max(Attributes.Softcap, 0);

    /// <summary>Keys of a sequence that lengths and a short mask leave; the rest is hidden from every query.</summary>
    internal int KeysOf(int sequence) => (int)Math.Clamp(_keyLengths?[sequence] ?? long.MaxValue, 0, Math.Min(KeyLength, _maskKeys));

    /// <summary>The key at which query 0 of a sequence stands.</summary>
    internal long OffsetOf(int sequence) => PastLength ?? (_keyLengths is null ? 0 : _keyLengths[sequence] - QueryLength);

    /// <summary>The first sequence after this one with other lengths.</summary>
    internal int EndOfEqualLengths(int sequence)
    {
        int end = sequence + 1;
        while (end < Batch && (_keyLengths is null || _keyLengths[end] == _keyLengths[sequence]))
        {
            end++;
        }
        return end;
    }

    /// <summary>The outputs in the form of the operator, in the outer dispose scope.</summary>
    /// <param name="output">(B, Hq, Sq, Dv), any type.</param>
    /// <param name="scores">(B, Hq, Sq, T) or null.</param>
    /// <param name="inputs">To tell what is new from what was given.</param>
    /// <param name="wanted">Optional outputs.</param>
    internal OnnxAttentionOutputs ToOutputs(Tensor output, Tensor? scores, OnnxAttentionInputs inputs, OnnxOptionalOutputs wanted)
    {
        Tensor result = output.to(ResultType);
        result = HasRank3 ? result.transpose(1, 2).reshape(Batch, QueryLength, (long)HeadCount * ValueDim) : result;
        bool wantsPresent = wanted.HasFlag(OnnxOptionalOutputs.Present),
            isNew = inputs.PastKey is not null;
        return new OnnxAttentionOutputs(
            result.MoveToOuterDisposeScope(),
            wantsPresent ? (isNew ? Key : Key.clone()).MoveToOuterDisposeScope() : null,
            wantsPresent ? (isNew ? Value : Value.clone()).MoveToOuterDisposeScope() : null,
            scores?.to(ResultType).MoveToOuterDisposeScope()
        );
    }

    private Tensor Rank4(Tensor tensor, int? heads, string attribute)
    {
        if (!HasRank3)
        {
            Require(heads is null || heads == tensor.size(1), $"{attribute} {heads}, operand {Shape(tensor)}", "the same number of heads");
            return tensor;
        }
        Require(
            heads > 0 && tensor.size(2) % heads == 0,
            $"{attribute} {heads}, operand {Shape(tensor)}",
            $"{attribute}, and a last size that is a multiple of it"
        );
        return tensor.reshape(tensor.size(0), tensor.size(1), heads!.Value, tensor.size(2) / heads.Value).transpose(1, 2);
    }

    private static Tensor Joined(Tensor? past, Tensor present)
    {
        if (past is null)
        {
            return present;
        }
        Require(
            past.dim() == 4
                && past.dtype == present.dtype
                && past.size(0) == present.size(0)
                && past.size(1) == present.size(1)
                && past.size(3) == present.size(3),
            $"cache {Shape(past)} {past.dtype}, new part {Shape(present)} {present.dtype}",
            "the same type and sizes but for the length"
        );
        return cat([past, present], 2);
    }

    private long[]? KeyLengths(Tensor? lengths)
    {
        if (lengths is null)
        {
            return null;
        }
        Require(
            lengths.dtype is ScalarType.Int64 or ScalarType.Int32 && lengths.dim() == 1 && lengths.size(0) == Batch,
            $"nonpad_kv_seqlen {Shape(lengths)} {lengths.dtype}",
            "(B) integers"
        );
        if (Batch == 0)
        {
            return [];
        }
        const long FarAway = 1L << 40; // keeps sums with lengths and windows within 64 bits
        using Tensor plain = lengths.to(ScalarType.Int64).cpu().contiguous();
        return [.. plain.data<long>().ToArray().Select(length => Math.Clamp(length, -FarAway, FarAway))];
    }

    private Tensor MaskOf(Tensor mask)
    {
        Require(mask.dim() is >= 1 and <= 4, $"a mask of rank {mask.dim()}", "rank 1 to 4");
        Tensor whole = mask.reshape([.. Enumerable.Repeat(1L, 4 - (int)mask.dim()), .. mask.shape]);
        Require(
            Fits(0, Batch) && Fits(1, HeadCount) && Fits(2, QueryLength) && whole.size(3) <= KeyLength,
            $"a mask of {Shape(mask)}",
            string.Create(
                CultureInfo.InvariantCulture,
                $"broadcastable to ({Batch}, {HeadCount}, {QueryLength}, {KeyLength}), the last size at most {KeyLength}"
            )
        );
        return whole.dtype == ScalarType.Bool || IsFloat(whole) ? whole : whole.to(ScalarType.Float32);

        bool Fits(int dimension, int full) => whole.size(dimension) == 1 || whole.size(dimension) == full;
    }

    private static bool IsFloat(Tensor tensor) =>
        tensor.dtype is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;

    private static int Size(Tensor tensor, int dimension)
    {
        long size = tensor.size(dimension);
        Require(size <= int.MaxValue, $"a size of {size}", "sizes up to 2147483647");
        return (int)size;
    }

    private static string Shape(Tensor tensor) => $"({string.Join(", ", tensor.shape)})";

    private static void Require(bool holds, FormattableString found, string required)
    {
        if (!holds)
        {
            string text = found.ToString(CultureInfo.InvariantCulture);
            throw new ArgumentException($"These are not inputs of the ONNX operator Attention: found {text}; required: {required}.");
        }
    }
}
