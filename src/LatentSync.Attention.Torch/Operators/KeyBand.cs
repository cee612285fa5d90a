using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;

namespace LatentSync.Attention.Torch.Operators;

/// <summary>The keys that causal diagonal and window leave to query i: i + <see cref="First"/> to i + <see cref="Last"/>.</summary>
/// <param name="First">null: from the first key on.</param>
/// <param name="Last">null: to the last key; at least <see cref="First"/>.</param>
internal readonly record struct KeyBand(long? First, long? Last)
{
    /// <summary>The band of an operator call.</summary>
    /// <param name="attributes">Causal and window.</param>
    /// <param name="offset">Key at which query 0 stands; may be negative.</param>
    internal static KeyBand Of(OnnxAttentionAttributes attributes, long offset) =>
        new(offset - attributes.LeftWindow, attributes.IsCausal ? offset : offset + attributes.RightWindow);

    /// <summary>The band as the flags of a kernel, which know only two diagonals, from the first key on and up to the last key: keys that
    /// no query sees and queries that see no key are cut off until one of them fits. So no mask is ever made from a band.</summary>
    /// <param name="rows">Queries.</param>
    /// <param name="keys">Keys.</param>
    /// <returns>How many of the first queries and keys remain, and the flags; queries that are cut off are zero in the result.</returns>
    internal (int Rows, int Keys, AttentionArguments Flags) Fit(int rows, int keys)
    {
        keys = Last is { } end ? (int)Math.Clamp(rows + end, 0, keys) : keys;
        if (rows <= 0 || keys <= 0)
        {
            return (0, 0, default);
        }
        // A side that hides nothing is left out: fewer flags, more kernels.
        long? first = First + (rows - 1) <= 0 ? null : First,
            last = Last >= keys - 1 ? null : Last;
        long bottomRight = keys - rows;
        if (first is null && last is null)
        {
            return (rows, keys, default);
        }
        if (last == 0 && !(first > 0))
        {
            return (rows, keys, Flags(CausalAlignment.TopLeft, 0, first, null) with { IsCausal = true });
        }
        if (last == bottomRight && !(first > bottomRight))
        {
            return (rows, keys, Flags(CausalAlignment.BottomRight, bottomRight, first, null) with { IsCausal = true });
        }
        if (!(last < 0) && !(first > 0))
        {
            return (rows, keys, Flags(CausalAlignment.TopLeft, 0, first, last));
        }
        if (!(last < bottomRight) && !(first > bottomRight))
        {
            return (rows, keys, Flags(CausalAlignment.BottomRight, bottomRight, first, last));
        }
        // Keys end at or before the last query's last one, so first > bottomRight: the queries from keys - first on see nothing.
        return Fit((int)Math.Max(keys - first!.Value, 0), keys);
    }

    private static AttentionArguments Flags(CausalAlignment alignment, long diagonal, long? first, long? last) =>
        new()
        {
            CausalAlignment = alignment,
            LeftWindow = first is null ? null : (int)Math.Min(diagonal - first.Value, int.MaxValue),
            RightWindow = last is null ? null : (int)Math.Min(last.Value - diagonal, int.MaxValue),
        };
}
