using LatentSync.Media.Faces.Masks;
using static TorchSharp.torch;

namespace LatentSync.Chunks;

/// <summary>The face mask as the networks take it; inference and training see the same numbers.</summary>
internal static class MaskTensors
{
    /// <summary>The mask in pixels.</summary>
    /// <param name="mask">The mask.</param>
    /// <param name="device">Where the tensor is to be; null: in main memory.</param>
    /// <returns>(1, R, R) float32: 1 keep, 0 generate; the caller's to dispose.</returns>
    public static Tensor Of(FaceMask mask, Device? device = null)
    {
        float[] keep = new float[mask.Resolution * mask.Resolution];
        mask.CopyTo(keep);
        return tensor(keep, [1, mask.Resolution, mask.Resolution], device: device);
    }

    /// <summary>The mask in latents: of every factor x factor pixels the first, the pixel at (factor·i, factor·j).</summary>
    /// <param name="mask">(1, R, R).</param>
    /// <param name="factor">Pixels per latent along each axis.</param>
    /// <returns>(1, s, s), a view.</returns>
    public static Tensor Reduce(Tensor mask, int factor) =>
        mask[TensorIndex.Colon, TensorIndex.Slice(step: factor), TensorIndex.Slice(step: factor)];
}
