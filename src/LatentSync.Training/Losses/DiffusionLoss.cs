using LatentSync.Models.Schedulers;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Losses;

/// <summary>What the denoising network learns from: its prediction of the noise, and the clean latents that this prediction
/// implies.</summary>
/// <remarks>Denoising Diffusion Probabilistic Models, arXiv:2006.11239, equations 14 and 15; prediction of ε only.</remarks>
internal static class DiffusionLoss
{
    /// <summary>The mean of (prediction - noise)² over everything, in float32.</summary>
    /// <param name="predictedNoise">Any shape and float type. Not modified.</param>
    /// <param name="noise">The noise that was added, the same shape. Not modified.</param>
    /// <returns>A scalar, float32 (float64 where both are), with the prediction's gradient.</returns>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor Reconstruction(Tensor predictedNoise, Tensor noise)
    {
        RequireSameShape(predictedNoise, noise);
        using DisposeScope scope = NewDisposeScope();
        Tensor difference = Widen(predictedNoise) - Widen(noise);
        return (difference * difference).mean().MoveToOuterDisposeScope();
    }

    /// <summary>x0 = (x_t - √(1 - ᾱ_t) ε) / √ᾱ_t for each item.</summary>
    /// <param name="schedule">ᾱ.</param>
    /// <param name="noisy">x_t, (b, ...). Not modified.</param>
    /// <param name="predictedNoise">ε, the shape of <paramref name="noisy"/>. Not modified.</param>
    /// <param name="timesteps">t of each item, (b), integers from 0 to T - 1.</param>
    /// <returns>The shape of <paramref name="noisy"/>, float32 (float64 where both are), with the prediction's gradient.</returns>
    /// <exception cref="ArgumentException">Shapes do not fit or a timestep does not exist.</exception>
    public static Tensor EstimateClean(NoiseSchedule schedule, Tensor noisy, Tensor predictedNoise, Tensor timesteps)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        RequireSameShape(predictedNoise, noisy);
        using DisposeScope scope = NewDisposeScope();
        long[] steps = [.. timesteps.to(ScalarType.Int64).cpu().flatten().data<long>()];
        if (steps.Length != noisy.shape[0] || steps.Any(t => t < 0 || t >= schedule.AlphasCumulative.Count))
        {
            throw new ArgumentException(
                $"The timesteps are ({string.Join(", ", steps)}); one for each of the {noisy.shape[0]} items is required, from 0 to {schedule.AlphasCumulative.Count - 1}.",
                nameof(timesteps)
            );
        }
        Tensor sample = Widen(noisy);
        Tensor signal = PerItem(t => Math.Sqrt(schedule.AlphasCumulative[t])); // (b, 1, ...)
        Tensor spread = PerItem(t => Math.Sqrt(1 - schedule.AlphasCumulative[t]));
        return ((sample - Widen(predictedNoise) * spread) / signal).MoveToOuterDisposeScope();

        Tensor PerItem(Func<int, double> factor) =>
            tensor(steps.Select(t => factor((int)t)).ToArray())
                .to(sample.dtype, sample.device)
                .view([steps.Length, .. Enumerable.Repeat(1L, (int)sample.dim() - 1)]);
    }

    private static Tensor Widen(Tensor values) => values.dtype == ScalarType.Float64 ? values.alias() : values.to(ScalarType.Float32);

    private static void RequireSameShape(Tensor predicted, Tensor other)
    {
        if (!predicted.shape.SequenceEqual(other.shape))
        {
            throw new ArgumentException(
                $"The prediction is ({string.Join(", ", predicted.shape)}), the other tensor ({string.Join(", ", other.shape)}); the same shape is required."
            );
        }
    }
}
