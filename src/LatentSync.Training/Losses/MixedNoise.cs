using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Losses;

/// <summary>Noise whose frames resemble each other: a part that all frames of a chunk share, and a part of each frame's own.</summary>
/// <remarks>
/// Preserve Your Own Correlation, arXiv:2305.10474, section 4.1: shared N(0, a² / (1 + a²)), own N(0, 1 / (1 + a²)), together N(0, 1).
/// LatentSync trains with a = 1; inference shares all of it.
/// </remarks>
internal static class MixedNoise
{
    /// <summary>Draws the noise of a batch.</summary>
    /// <param name="shape">(b, C, f, h, w).</param>
    /// <param name="alpha">a, 0 (independent frames) and more; null: all frames of an item have the same noise.</param>
    /// <param name="generator">Source of the random numbers, on <paramref name="device"/>; the same state gives the same noise.</param>
    /// <param name="dtype">Dtype of the result; drawn in float32 (float64 for float64).</param>
    /// <param name="device">Where the result lives.</param>
    /// <returns>(b, C, f, h, w); every element is standard normal.</returns>
    /// <exception cref="ArgumentException">The shape has not five axes, or alpha is negative or not finite.</exception>
    public static Tensor Draw(ReadOnlySpan<long> shape, double? alpha, Generator generator, ScalarType dtype, Device device)
    {
        if (shape.Length != 5)
        {
            throw new ArgumentException($"The shape has {shape.Length} axes; (b, C, f, h, w) is required.", nameof(shape));
        }
        if (alpha is { } given && !(given >= 0 && double.IsFinite(given)))
        {
            throw new ArgumentException("A finite alpha of at least 0 is required.", nameof(alpha));
        }
        using DisposeScope scope = NewDisposeScope();
        ScalarType drawn = dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        Tensor shared = randn([shape[0], shape[1], 1, shape[3], shape[4]], drawn, device, generator: generator); // (b, C, 1, h, w)
        if (alpha is not { } a)
        {
            return shared.expand(shape.ToArray()).contiguous().to(dtype).MoveToOuterDisposeScope();
        }
        double ownDeviation = 1 / Math.Sqrt(1 + a * a);
        Tensor own = randn(shape.ToArray(), drawn, device, generator: generator).Times(ownDeviation); // (b, C, f, h, w)
        return own.Plus(shared.Times(a * ownDeviation)).to(dtype).MoveToOuterDisposeScope();
    }
}
