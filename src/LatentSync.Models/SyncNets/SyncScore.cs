using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.SyncNets;

/// <summary>How well a picture track and a sound belong together, and by how much they are apart.</summary>
/// <param name="Offset">
/// Frames (of 1/25 s) by which the sound must be delayed: positive when the sound comes too early, 0 when they are in step.
/// </param>
/// <param name="Confidence">How much the best shift stands out from the median one; near 0 when nothing fits.</param>
/// <param name="Curve">Distance or similarity at each shift of the sound from -reach to +reach frames.</param>
public sealed record SyncScore(int Offset, double Confidence, IReadOnlyList<double> Curve)
{
    /// <summary>Frames that the sound is shifted to either side.</summary>
    public const int Reach = 15;

    private const double DistanceEpsilon = 1e-6;

    /// <summary>By distances, as Chung and Zisserman: beyond the ends the sound's embedding is zero; confidence = median -
    /// minimum.</summary>
    /// <param name="lips">(N, D), one embedding a frame.</param>
    /// <param name="sound">(N, D), at the same frames.</param>
    public static SyncScore FromDistances(Tensor lips, Tensor sound)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        RequirePairs(lips, sound);
        Tensor padded = nn.functional.pad(sound, [0, 0, Reach, Reach]); // (N + 2·reach, D)
        double[] curve = new double[(2 * Reach) + 1];
        for (int i = 0; i < curve.Length; i++)
        {
            using DisposeScope shift = NewDisposeScope();
            Tensor difference = (lips - padded.narrow(0, i, lips.shape[0])).Plus(DistanceEpsilon); // (N, D)
            curve[i] = difference.norm(1).mean().to(ScalarType.Float64).item<double>();
        }
        int best = Array.IndexOf(curve, curve.Min());
        return new SyncScore(Reach - best, Median(curve) - curve[best], curve);
    }

    /// <summary>By cosines of embeddings of length 1: the mean over the frames that have a partner at the shift; confidence = maximum -
    /// median.</summary>
    /// <param name="visual">(N, D), one embedding at each of <paramref name="frames"/>.</param>
    /// <param name="frames">The frames that were looked at, rising, in [0, M).</param>
    /// <param name="sound">(M, D), one embedding at every frame.</param>
    /// <returns>The curve has NaN at shifts where no frame has a partner; those do not count.</returns>
    public static SyncScore FromSimilarities(Tensor visual, IReadOnlyList<int> frames, Tensor sound)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        ArgumentOutOfRangeException.ThrowIfNotEqual(visual.shape[0], frames.Count, nameof(frames));
        Tensor cosines = visual.matmul(sound.t()).to(ScalarType.Float32).cpu().contiguous(); // (N, M)
        long columns = sound.shape[0];
        float[] values = cosines.data<float>().ToArray();
        double[] curve = new double[(2 * Reach) + 1];
        for (int i = 0; i < curve.Length; i++)
        {
            int shift = i - Reach;
            double[] pairs =
            [
                .. Enumerable
                    .Range(0, frames.Count)
                    .Where(n => frames[n] + shift >= 0 && frames[n] + shift < columns)
                    .Select(n => (double)values[(n * columns) + frames[n] + shift]),
            ];
            curve[i] = pairs.Length > 0 ? pairs.Average() : double.NaN;
        }
        double[] known = [.. curve.Where(v => !double.IsNaN(v))];
        double maximum = known.Max();
        return new SyncScore(Reach - Array.IndexOf(curve, maximum), maximum - Median(known), curve);
    }

    // As torch.median: of an even number of values the lower one in the middle.
    private static double Median(double[] values) => values.Order().ElementAt((values.Length - 1) / 2);

    private static void RequirePairs(Tensor lips, Tensor sound)
    {
        if (lips.dim() != 2 || lips.shape[0] < 1 || !lips.shape.SequenceEqual(sound.shape))
        {
            throw new ArgumentException(
                $"Embeddings are ({string.Join(", ", lips.shape)}) and ({string.Join(", ", sound.shape)}); equal shapes (N, D) with N of at least 1 are required.",
                nameof(sound)
            );
        }
    }
}
