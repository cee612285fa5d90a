using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tensors;

/// <summary>What an autograd function of ours returns from its backward pass. libtorch takes its own references only after the method has
/// returned, and nobody else would dispose these: left to a dispose scope, the gradients of all layers would stay to the end of the
/// training step.</summary>
public static class ReturnedGradients
{
    [ThreadStatic]
    private static List<Tensor>? _last;

    /// <summary>Disposes what the last backward pass on this thread returned, and keeps the new gradients alive until the next
    /// one.</summary>
    /// <param name="gradients">One for each argument of the function; null where there is none.</param>
    /// <returns>The same, for libtorch.</returns>
    public static List<Tensor> HandOver(IReadOnlyCollection<Tensor?> gradients)
    {
        _last?.ForEach(tensor => tensor.Dispose());
        _last = [.. gradients.OfType<Tensor>().Select(tensor => tensor.DetachFromDisposeScope())];
        return [.. gradients.Select(gradient => gradient!)]; // TorchSharp takes null for none
    }
}
