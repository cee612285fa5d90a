namespace LatentSync.Checkpoints;

/// <summary>Name, type and shape of one stored tensor.</summary>
/// <param name="Name">Key in the file, unchanged; keys of nested dictionaries are joined with a dot.</param>
/// <param name="ElementType">Stored type.</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
public sealed record TensorInfo(string Name, TensorElementType ElementType, IReadOnlyList<long> Shape)
{
    /// <summary>Most dimensions a stored tensor may have (NumPy's limit was 32 for most of its life).</summary>
    public const int MaxRank = 32;

    /// <summary>Number of elements: the product of <see cref="Shape"/>, 1 for a scalar.</summary>
    /// <exception cref="OverflowException">The product exceeds <see cref="long.MaxValue"/>; cannot happen for a tensor of an opened
    /// archive.</exception>
    public long ElementCount => CountElements(Shape) ?? throw new OverflowException($"The element count of {Name} exceeds 64 bits.");

    /// <summary>The product of the sizes, or null if it, or the byte count of 8-byte elements, does not fit in a
    /// <see cref="long"/>.</summary>
    internal static long? CountElements(IReadOnlyList<long> shape)
    {
        // A zero anywhere makes the product zero even where the others alone would overflow.
        if (shape.Contains(0))
        {
            return 0;
        }
        Int128 product = 1;
        foreach (long size in shape)
        {
            product *= size;
            if (product > long.MaxValue / 8)
            {
                return null;
            }
        }
        return (long)product;
    }
}
