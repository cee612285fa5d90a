using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Schedulers;

/// <summary>The clean sample that a network's output implies, with the clamping that a configuration asks for.</summary>
internal static class CleanSample
{
    /// <summary>x0 and ε for <paramref name="sample"/> at a noise level; the caller disposes both.</summary>
    public static (Tensor Original, Tensor Noise) Predict(
        SchedulerConfiguration configuration,
        Tensor modelOutput,
        Tensor sample,
        double alphaCumulative
    )
    {
        using DisposeScope scope = NewDisposeScope();
        double signal = Math.Sqrt(alphaCumulative);
        double spread = Math.Sqrt(1 - alphaCumulative);
        (Tensor original, Tensor noise) = configuration.PredictionType switch
        {
            PredictionType.Epsilon => ((sample - modelOutput.Times(spread)).Over(signal), modelOutput.alias()),
            PredictionType.Sample => (modelOutput.alias(), (sample - modelOutput.Times(signal)).Over(spread)),
            _ => (sample.Times(signal) - modelOutput.Times(spread), modelOutput.Times(signal).Plus(sample.Times(spread))),
        };
        double range = configuration.ClipSampleRange;
        original =
            configuration.Thresholding ? Threshold(configuration, original)
            : configuration.ClipSample ? original.clamp(Scalars.Of(-range), Scalars.Of(range))
            : original;
        return (original.MoveToOuterDisposeScope(), noise.MoveToOuterDisposeScope());
    }

    // Imagen's dynamic thresholding, arXiv:2205.11487, section 2.3: per item, by the quantile of the absolute values.
    private static Tensor Threshold(SchedulerConfiguration configuration, Tensor original)
    {
        Tensor flat = original.reshape(original.shape[0], -1).to(ScalarType.Float32); // (b, N)
        Tensor quantile = flat.abs()
            .quantile(tensor(configuration.DynamicThresholdingRatio, ScalarType.Float32, flat.device), 1, keepdim: true)
            .view(-1, 1);
        Tensor bound = quantile.clamp(Scalars.One, Scalars.Of(configuration.SampleMaximumValue)); // (b, 1)
        Tensor clamped = minimum(maximum(flat, -bound), bound) / bound;
        return clamped.view(original.shape).to(original.dtype);
    }
}
