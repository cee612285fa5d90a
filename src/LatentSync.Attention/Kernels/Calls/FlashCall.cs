using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Calls;

/// <summary>A query, key, value or result in memory: (B, H, L, D) with any strides.</summary>
/// <param name="Address">Of element (0, 0, 0, 0).</param>
/// <param name="DType">Element type.</param>
/// <param name="BatchStride">Elements from sequence to sequence; from page to page where keys are paged.</param>
/// <param name="HeadStride">Elements from head to head.</param>
/// <param name="RowStride">Elements from position to position.</param>
/// <param name="ColumnStride">Elements from one element of a vector to the next.</param>
internal readonly unsafe record struct FlashOperand(
    nint Address,
    AttentionDType DType,
    nint BatchStride,
    nint HeadStride,
    nint RowStride,
    nint ColumnStride
)
{
    /// <summary>Address of a position's row.</summary>
    internal void* Row(nint batch, nint head, nint row) =>
        (byte*)Address + (batch * BatchStride + head * HeadStride + row * RowStride) * DType.Size();
}

/// <summary>A mask in memory; strides are 0 where it is broadcast.</summary>
/// <param name="Address">Of element (0, 0, 0, 0); 0 for no mask.</param>
/// <param name="Kind">Boolean: bytes, other than 0 means attend. Additive: added to the scaled scores.</param>
/// <param name="DType">Element type of an additive mask.</param>
/// <param name="BatchStride">Elements from sequence to sequence.</param>
/// <param name="HeadStride">Elements from query head to query head.</param>
/// <param name="RowStride">Elements from query to query.</param>
/// <param name="ColumnStride">Elements from key to key.</param>
internal readonly record struct FlashMask(
    nint Address,
    AttentionMaskKind Kind,
    AttentionDType DType,
    nint BatchStride,
    nint HeadStride,
    nint RowStride,
    nint ColumnStride
);

/// <summary>One call of the managed kernels: the problem, and where its operands lie. Everything is checked already; the addresses are
/// valid until the call returns.</summary>
internal unsafe struct FlashCall
{
    /// <summary>Sizes, scale, causal, window, softcap, dropout.</summary>
    internal AttentionProblem Problem;

    /// <summary>(B, H, Lq, D).</summary>
    internal FlashOperand Query;

    /// <summary>(B, Hkv, Lk, D).</summary>
    internal FlashOperand Key;

    /// <summary>(B, Hkv, Lk, Dv).</summary>
    internal FlashOperand Value;

    /// <summary>(B, H, Lq, Dv).</summary>
    internal FlashOperand Output;

    /// <summary>Broadcast to (B, H, Lq, Lk).</summary>
    internal FlashMask Mask;

    /// <summary>(B, H, Lq), side by side, float (double for double operands); null when not wanted.</summary>
    internal void* LogSumExp;

    /// <summary>ALiBi: |diagonal - key| times this is subtracted from the score; (H), or (B, H) by <see cref="AlibiBatchStride"/>; null for
    /// none.</summary>
    internal float* AlibiSlopes;

    /// <summary>Elements of <see cref="AlibiSlopes"/> from sequence to sequence; 0 when all have the same.</summary>
    internal int AlibiBatchStride;

    /// <summary>(B + 1) cumulative lengths: sequence b has the queries from QueryStarts[b] to QueryStarts[b + 1]; null when each has
    /// Lq of its own. The batch strides of query and result are 0 then, and the logsumexp is (H, total).</summary>
    internal int* QueryStarts;

    /// <summary>(B + 1) cumulative lengths of the keys, as <see cref="QueryStarts"/>.</summary>
    internal int* KeyStarts;

    /// <summary>(B) number of keys that each sequence uses, at most Lk; null when it uses all.</summary>
    internal int* KeyLengths;

    /// <summary>(B, <see cref="PagesPerSequence"/>) number of the page that holds a sequence's keys p · PageSize and on; null when not
    /// paged.</summary>
    internal int* PageTable;

    /// <summary>Entries of <see cref="PageTable"/> per sequence.</summary>
    internal int PagesPerSequence;

    /// <summary>Keys of a page.</summary>
    internal int PageSize;

    /// <summary>Key of the generator of dropped weights.</summary>
    internal ulong DropoutSeed;

    /// <summary>Where in the generator's stream this call begins.</summary>
    internal ulong DropoutOffset;
}
