using System.Globalization;
using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Schedulers;

/// <summary>How much of the clean sample is left at each training step: x_t = √ᾱ_t x0 + √(1 - ᾱ_t) ε.</summary>
/// <remarks>arXiv:2006.11239, equation 4. Computed in float64; the original's float32 values differ by up to 5e-6 of the value.</remarks>
public sealed class NoiseSchedule
{
    private readonly double[] _betas;
    private readonly double[] _alphasCumulative;

    /// <summary>Computes the schedule.</summary>
    /// <param name="configuration">Validated here.</param>
    public NoiseSchedule(SchedulerConfiguration configuration)
    {
        configuration.Validate();
        Configuration = configuration;
        _betas = configuration.RescaleBetasZeroSnr ? RescaleToZeroSnr(ComputeBetas(configuration)) : ComputeBetas(configuration);
        _alphasCumulative = new double[_betas.Length];
        double product = 1;
        for (int t = 0; t < _betas.Length; t++)
        {
            _alphasCumulative[t] = product *= 1 - _betas[t];
        }
        FinalAlphaCumulative = configuration.SetAlphaToOne ? 1 : _alphasCumulative[0];
    }

    /// <summary>The settings.</summary>
    public SchedulerConfiguration Configuration { get; }

    /// <summary>β_t for t = 0 .. T - 1.</summary>
    public IReadOnlyList<double> Betas => _betas;

    /// <summary>ᾱ_t = ∏ (1 - β) for t = 0 .. T - 1.</summary>
    public IReadOnlyList<double> AlphasCumulative => _alphasCumulative;

    /// <summary>ᾱ at which the last inference step ends: ᾱ_0, or 1 with set_alpha_to_one.</summary>
    public double FinalAlphaCumulative { get; }

    /// <summary>The ᾱ at a timestep; before the first one the final value.</summary>
    /// <param name="timestep">Less than T; negative for the end of the last step.</param>
    public double AlphaCumulative(int timestep) => timestep >= 0 ? _alphasCumulative[timestep] : FinalAlphaCumulative;

    /// <summary>Timesteps in the order of use.</summary>
    /// <param name="inferenceSteps">n, at least 1.</param>
    /// <returns>n descending timesteps, as diffusers lists them: an offset can lead out of 0 .. T - 1, see
    /// <see cref="RequireSteps"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">n is not 1 .. T.</exception>
    public IReadOnlyList<int> Timesteps(int inferenceSteps)
    {
        int training = Configuration.TrainingSteps;
        if (inferenceSteps < 1 || inferenceSteps > training)
        {
            throw OutOfRange(inferenceSteps, string.Create(CultureInfo.InvariantCulture, $"1 to {training} are possible"));
        }
        return Configuration.TimestepSpacing switch
        {
            TimestepSpacing.Leading =>
            [
                .. Enumerable
                    .Range(0, inferenceSteps)
                    .Select(k => (inferenceSteps - 1 - k) * (training / inferenceSteps) + Configuration.StepsOffset),
            ],
            TimestepSpacing.Linspace =>
            [
                .. Enumerable.Range(0, inferenceSteps).Select(k => Linspace(inferenceSteps - 1 - k, inferenceSteps, training)),
            ],
            _ =>
            [
                .. Enumerable
                    .Range(0, inferenceSteps)
                    .Select(k => (int)Math.Round(training - k * (training / (double)inferenceSteps), MidpointRounding.ToEven) - 1),
            ],
        };
    }

    /// <summary>Refuses a number of steps whose timesteps do not all exist, which <see cref="Timesteps"/> lists and only a step would
    /// find.</summary>
    /// <param name="inferenceSteps">n.</param>
    /// <exception cref="ArgumentOutOfRangeException">So many steps do not fit; names the most that do.</exception>
    public void RequireSteps(int inferenceSteps)
    {
        IReadOnlyList<int> timesteps = Timesteps(inferenceSteps);
        if (Exist(timesteps[0], timesteps[^1]))
        {
            return;
        }
        // Only leading spacing has an offset that can lead out of the training steps.
        int training = Configuration.TrainingSteps;
        (int offset, int most) = (Configuration.StepsOffset, training);
        while (most > 0 && !Exist((most - 1) * (training / most) + offset, offset))
        {
            most--;
        }
        string limit = most > 0 ? $"at most {most} are possible" : "no number of steps is possible";
        string reason = string.Create(
            CultureInfo.InvariantCulture,
            $"with steps_offset {offset} their timesteps run from {timesteps[0]} to {timesteps[^1]}, 0 to {training - 1} exist; {limit}"
        );
        throw OutOfRange(inferenceSteps, reason);
    }

    private bool Exist(int first, int last) => first < Configuration.TrainingSteps && last >= 0;

    /// <summary>x_t of each item: √ᾱ x0 + √(1 - ᾱ) noise.</summary>
    /// <param name="sample">x0, (b, ...).</param>
    /// <param name="noise">Standard normal, the shape of <paramref name="sample"/>.</param>
    /// <param name="timesteps">Integers, (b) or (1) or ().</param>
    /// <returns>The shape and dtype of <paramref name="sample"/>.</returns>
    /// <exception cref="ArgumentException">Shapes do not fit or a timestep does not exist.</exception>
    public Tensor AddNoise(Tensor sample, Tensor noise, Tensor timesteps)
    {
        using Tensor integers = timesteps.to(ScalarType.Int64).cpu().flatten();
        long[] steps = [.. integers.data<long>()];
        if (sample.dim() < 1 || steps.Length != 1 && steps.Length != sample.shape[0] || !noise.shape.SequenceEqual(sample.shape))
        {
            throw new ArgumentException(
                $"Noise ({string.Join(", ", noise.shape)}) and timesteps ({string.Join(", ", timesteps.shape)}) must fit the sample ({string.Join(", ", sample.shape)}): its shape, and one timestep for each item or for all."
            );
        }
        if (steps.Any(t => t < 0 || t >= _betas.Length))
        {
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"A timestep lies outside of 0 to {_betas.Length - 1}."),
                nameof(timesteps)
            );
        }
        using DisposeScope scope = NewDisposeScope();
        long[] shape = [steps.Length, .. Enumerable.Repeat(1L, (int)sample.dim() - 1)];
        Tensor signal = tensor(steps.Select(t => Math.Sqrt(_alphasCumulative[t])).ToArray()).to(sample.dtype, sample.device).view(shape);
        Tensor spread = tensor(steps.Select(t => Math.Sqrt(1 - _alphasCumulative[t])).ToArray())
            .to(sample.dtype, sample.device)
            .view(shape);
        return (signal * sample).Plus(spread * noise).MoveToOuterDisposeScope();
    }

    private static double[] ComputeBetas(SchedulerConfiguration configuration)
    {
        int training = configuration.TrainingSteps;
        if (configuration.TrainedBetas is { } given)
        {
            return [.. given];
        }
        double Between(double start, double end, int t) => start + (end - start) * t / (training - 1);
        return configuration.BetaSchedule switch
        {
            BetaSchedule.Linear =>
            [
                .. Enumerable.Range(0, training).Select(t => Between(configuration.BetaStart, configuration.BetaEnd, t)),
            ],
            BetaSchedule.ScaledLinear =>
            [
                .. Enumerable
                    .Range(0, training)
                    .Select(t => Math.Pow(Between(Math.Sqrt(configuration.BetaStart), Math.Sqrt(configuration.BetaEnd), t), 2)),
            ],
            _ =>
            [
                .. Enumerable
                    .Range(0, training)
                    .Select(t => Math.Min(1 - AlphaBar((t + 1.0) / training) / AlphaBar((double)t / training), 0.999)),
            ],
        };
    }

    // arXiv:2102.09672, equation 17.
    private static double AlphaBar(double time) => Math.Pow(Math.Cos((time + 0.008) / 1.008 * Math.PI / 2), 2);

    // arXiv:2305.08891, algorithm 1: √ᾱ is shifted so that it ends at 0 and scaled so that it starts where it did.
    private static double[] RescaleToZeroSnr(double[] betas)
    {
        double[] roots = new double[betas.Length];
        double product = 1;
        for (int t = 0; t < betas.Length; t++)
        {
            roots[t] = Math.Sqrt(product *= 1 - betas[t]);
        }
        (double first, double last) = (roots[0], roots[^1]);
        double[] rescaled = [.. roots.Select(root => (root - last) * first / (first - last))];
        return [.. rescaled.Select((root, t) => 1 - Math.Pow(t == 0 ? root : root / rescaled[t - 1], 2))];
    }

    private static int Linspace(int k, int count, int training) =>
        count == 1 ? 0 : (int)Math.Round(k * ((training - 1) / (double)(count - 1)), MidpointRounding.ToEven);

    private static ArgumentOutOfRangeException OutOfRange(int inferenceSteps, string reason) =>
        new(
            nameof(inferenceSteps),
            string.Create(CultureInfo.InvariantCulture, $"{inferenceSteps} inference steps are not possible: {reason}.")
        );
}
