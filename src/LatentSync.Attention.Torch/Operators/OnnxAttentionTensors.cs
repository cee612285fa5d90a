using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Operators;

/// <summary>Inputs of the ONNX operator <c>Attention</c>. Not owned, not modified.</summary>
/// <param name="Query">(B, Hq, Sq, D), or (B, Sq, Hq·D) with the head counts in the attributes; any strides.</param>
/// <param name="Key">(B, Hk, Sk, D) or (B, Sk, Hk·D). Hk divides Hq; query head h reads key head h / (Hq/Hk).</param>
/// <param name="Value">(B, Hk, Sk, Dv) or (B, Sk, Hk·Dv). Its type may differ from the query's.</param>
public sealed record OnnxAttentionInputs(Tensor Query, Tensor Key, Tensor Value)
{
    /// <summary>null, or boolean (true keeps) or a number (added), rank 1 to 4, broadcast from the right to (B, Hq, Sq, T), T = P + Sk. A
    /// last size below T is filled up with hidden keys, 1 too.</summary>
    public Tensor? Mask { get; init; }

    /// <summary>null, or (B, Hk, P, D): keys before <see cref="Key"/>. Only with <see cref="PastValue"/>.</summary>
    public Tensor? PastKey { get; init; }

    /// <summary>null, or (B, Hk, P, Dv).</summary>
    public Tensor? PastValue { get; init; }

    /// <summary>null, or (B) integers: in sequence b only keys before this index are seen.</summary>
    public Tensor? KeyLengths { get; init; }
}

/// <summary>Outputs that the operator computes only when they are wanted.</summary>
[Flags]
public enum OnnxOptionalOutputs
{
    /// <summary>Only Y.</summary>
    None = 0,

    /// <summary>present_key and present_value.</summary>
    Present = 1,

    /// <summary>qk_matmul_output.</summary>
    Scores = 2,
}

/// <summary>Outputs of the ONNX operator <c>Attention</c>, new, in the caller's dispose scope.</summary>
/// <param name="Output">Y: (B, Hq, Sq, Dv), or (B, Sq, Hq·Dv) for operands of rank 3; the query's type.</param>
/// <param name="PresentKey">(B, Hk, T, D): the past key and then the key, bit for bit; null when not wanted.</param>
/// <param name="PresentValue">(B, Hk, T, Dv); null when not wanted.</param>
/// <param name="Scores">(B, Hq, Sq, T), the query's type; null when not wanted.</param>
public sealed record OnnxAttentionOutputs(Tensor Output, Tensor? PresentKey, Tensor? PresentValue, Tensor? Scores);
