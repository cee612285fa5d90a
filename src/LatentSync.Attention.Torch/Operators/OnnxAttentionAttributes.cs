namespace LatentSync.Attention.Torch.Operators;

/// <summary>Which scores the operator's fourth output holds; the numbers of <c>qk_matmul_output_mode</c>.</summary>
public enum OnnxScoreOutput
{
    /// <summary>scale · Q Kᵀ.</summary>
    Products = 0,

    /// <summary>After the softcap.</summary>
    Capped = 1,

    /// <summary>After mask, causal diagonal, window and lengths; -∞ where a key is hidden.</summary>
    Biased = 2,

    /// <summary>After the softmax; a row whose keys are all hidden is zero.</summary>
    Weights = 3,
}

/// <summary>Type that the softmax is computed in; the numbers of <c>softmax_precision</c>.</summary>
public enum OnnxPrecision
{
    /// <summary>float32.</summary>
    Float32 = 1,

    /// <summary>float16.</summary>
    Float16 = 10,

    /// <summary>float64.</summary>
    Float64 = 11,

    /// <summary>bfloat16.</summary>
    BFloat16 = 16,
}

/// <summary>Attributes of the ONNX operator <c>Attention</c> (operator sets 23 to 25), each with the operator's default.</summary>
public sealed record OnnxAttentionAttributes
{
    /// <summary>Query i sees key j when j ≤ i + offset; the offset is the cached length with a cache inside the operator, a sequence's key
    /// length less Lq with key lengths alone, else 0. Default false.</summary>
    public bool IsCausal { get; init; }

    /// <summary>Factor on Q Kᵀ, finite. null (default) is 1/√D.</summary>
    public double? Scale { get; init; }

    /// <summary>Scores become c·tanh(score/c) before any mask. 0 (default) or less is off; finite.</summary>
    public double Softcap { get; init; }

    /// <summary>Query heads; needed for operands of rank 3. Default: the query's second size.</summary>
    public int? QueryHeadCount { get; init; }

    /// <summary>Key and value heads; needed for operands of rank 3. Default: the key's second size.</summary>
    public int? KvHeadCount { get; init; }

    /// <summary>Which scores are the fourth output. Default: the products.</summary>
    public OnnxScoreOutput ScoreOutput { get; init; }

    /// <summary>Least type of the softmax: it is computed in this type or a wider one. null (default): the query's type. The kernels never
    /// take less than float32, so that only float64 changes anything: then everything is computed in it.</summary>
    public OnnxPrecision? SoftmaxPrecision { get; init; }

    /// <summary>Keys before i + offset that query i sees, at least 0; null (default) for all. Operator set 25.</summary>
    public int? LeftWindow { get; init; }

    /// <summary>Keys after i + offset that query i sees, at least 0; null (default) for all. Operator set 25.</summary>
    public int? RightWindow { get; init; }
}
