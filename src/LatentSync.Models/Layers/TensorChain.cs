using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Models.Layers;

/// <summary>
/// Chains in which every activation is released as soon as the next one exists: at 512 pixels one decoder activation of
/// 16 frames is 2 GB, so waiting for the end of a scope would multiply the peak.
/// </summary>
internal static class TensorChain
{
    /// <summary>Applies <paramref name="next"/> and disposes <paramref name="owned"/>, also when it throws.</summary>
    public static Tensor Then(this Tensor owned, nn.Module<Tensor, Tensor> next)
    {
        using (owned)
        {
            return next.call(owned);
        }
    }

    /// <summary>Applies <paramref name="next"/> and disposes <paramref name="owned"/>, also when it throws.</summary>
    public static Tensor Then(this Tensor owned, Func<Tensor, Tensor> next)
    {
        using (owned)
        {
            return next(owned);
        }
    }

    /// <summary>owned + other, in place unless a gradient needs the old value; <paramref name="owned"/> is disposed or returned.</summary>
    public static Tensor ThenAdd(this Tensor owned, Tensor other)
    {
        if (!owned.requires_grad && !other.requires_grad)
        {
            return owned.add_(other, Scalars.One);
        }
        using (owned)
        {
            return owned.Plus(other);
        }
    }
}
