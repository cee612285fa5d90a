namespace LatentSync.Attention.Problems;

/// <summary>What a mask's elements mean.</summary>
public enum AttentionMaskKind
{
    /// <summary>No mask.</summary>
    None,

    /// <summary>True means: attend.</summary>
    Boolean,

    /// <summary>Floating point, added to the scaled scores; -∞ hides a key.</summary>
    Additive,
}

/// <summary>The facts about a mask that rules and memory estimates depend on. Sizes are aligned to the right with
/// (B, H, Lq, Lk), as broadcasting does; 1 means broadcast.</summary>
public readonly record struct AttentionMask
{
    /// <summary>No mask.</summary>
    public static AttentionMask None => default;

    /// <summary>What the elements mean.</summary>
    public AttentionMaskKind Kind { get; init; }

    /// <summary>Number of dimensions as given, 1 and up; 0 when there is no mask.</summary>
    public int Rank { get; init; }

    /// <summary>Size along the batch: 1 or B.</summary>
    public int Batch { get; init; }

    /// <summary>Size along the heads: 1 or H.</summary>
    public int Heads { get; init; }

    /// <summary>Size along the queries: 1 or Lq.</summary>
    public int Rows { get; init; }

    /// <summary>Size along the keys: 1 or Lk.</summary>
    public int Columns { get; init; }

    /// <summary>Element type of an additive mask.</summary>
    public AttentionDType DType { get; init; }

    /// <summary>The mask wants a gradient.</summary>
    public bool NeedsGradient { get; init; }

    /// <summary>The last dimension does not have stride 1.</summary>
    public bool IsStrided { get; init; }

    /// <summary>A mask with the given sizes in (B, H, Lq, Lk) order.</summary>
    /// <param name="kind">What the elements mean.</param>
    /// <param name="batch">1 or B.</param>
    /// <param name="heads">1 or H.</param>
    /// <param name="rows">1 or Lq.</param>
    /// <param name="columns">1 or Lk.</param>
    public static AttentionMask Of(AttentionMaskKind kind, int batch, int heads, int rows, int columns) =>
        new()
        {
            Kind = kind,
            Rank = 4,
            Batch = batch,
            Heads = heads,
            Rows = rows,
            Columns = columns,
            DType = AttentionDType.Float32,
        };

    /// <summary>Number of elements as given, without broadcasting; at most <see cref="long.MaxValue"/>.</summary>
    public long ElementCount =>
        Kind == AttentionMaskKind.None ? 0 : (long)Int128.Min((Int128)Batch * Heads * Rows * Columns, long.MaxValue);
}
