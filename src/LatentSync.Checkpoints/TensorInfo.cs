namespace LatentSync.Checkpoints;

/// <summary>Name, type and shape of one stored tensor.</summary>
/// <param name="Name">Key in the file, unchanged.</param>
/// <param name="ElementType">Stored type.</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
public sealed record TensorInfo(string Name, TensorElementType ElementType, IReadOnlyList<long> Shape)
{
    /// <summary>Number of elements: the product of <see cref="Shape"/>, 1 for a scalar.</summary>
    public long ElementCount => Shape.Aggregate(1L, (product, size) => checked(product * size));
}
