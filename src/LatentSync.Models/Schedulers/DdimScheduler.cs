using System.Globalization;
using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Schedulers;

/// <summary>One DDIM step's results.</summary>
/// <param name="Previous">x at the previous timestep.</param>
/// <param name="PredictedOriginal">The clean sample that the network's output implies.</param>
public sealed record DdimStep(Tensor Previous, Tensor PredictedOriginal) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Previous.Dispose();
        PredictedOriginal.Dispose();
    }
}

/// <summary>Denoising diffusion implicit models: deterministic first-order steps, the original's scheduler.</summary>
/// <remarks>arXiv:2010.02502, equation 12; diffusers 0.32.2, DDIMScheduler. Stateless.</remarks>
public sealed class DdimScheduler : INoiseScheduler
{
    /// <summary>Creates the scheduler.</summary>
    /// <param name="configuration">null: the released values, <see cref="SchedulerConfiguration.LatentSync"/>.</param>
    public DdimScheduler(SchedulerConfiguration? configuration = null) =>
        Schedule = new NoiseSchedule(configuration ?? SchedulerConfiguration.LatentSync);

    /// <inheritdoc/>
    public NoiseSchedule Schedule { get; }

    /// <inheritdoc/>
    public IReadOnlyList<int> Timesteps(int inferenceSteps) => Schedule.Timesteps(inferenceSteps);

    /// <inheritdoc cref="NoiseSchedule.AddNoise"/>
    public Tensor AddNoise(Tensor sample, Tensor noise, Tensor timesteps) => Schedule.AddNoise(sample, noise, timesteps);

    /// <summary>One step towards the clean sample.</summary>
    /// <param name="modelOutput">The network's output for <paramref name="sample"/>. Not modified.</param>
    /// <param name="timestep">0 .. T - 1.</param>
    /// <param name="sample">x at <paramref name="timestep"/>. Not modified.</param>
    /// <param name="inferenceSteps">n; the step goes to timestep - ⌊T/n⌋, or to the end where that is negative.</param>
    /// <param name="eta">0 (the default) for none, 1 for all of DDPM's variance.</param>
    /// <param name="varianceNoise">Standard normal, the shape of <paramref name="sample"/>; required when <paramref name="eta"/> is
    /// positive.</param>
    /// <exception cref="ArgumentOutOfRangeException">The timestep does not exist, or so many steps do not fit.</exception>
    public DdimStep Step(Tensor modelOutput, int timestep, Tensor sample, int inferenceSteps, double eta = 0, Tensor? varianceNoise = null)
    {
        int training = Schedule.Configuration.TrainingSteps;
        if (inferenceSteps < 1 || inferenceSteps > training)
        {
            throw new ArgumentOutOfRangeException(
                nameof(inferenceSteps),
                string.Create(CultureInfo.InvariantCulture, $"{inferenceSteps} inference steps are not possible: 1 to {training} are.")
            );
        }
        if (timestep < 0 || timestep >= training)
        {
            throw new ArgumentOutOfRangeException(
                nameof(timestep),
                string.Create(CultureInfo.InvariantCulture, $"Timestep {timestep} does not exist: 0 to {training - 1} do.")
            );
        }
        if (eta > 0 && varianceNoise is null)
        {
            throw new ArgumentException("A step with eta above 0 needs variance noise.", nameof(varianceNoise));
        }
        double alpha = Schedule.AlphaCumulative(timestep);
        double alphaPrevious = Schedule.AlphaCumulative(timestep - training / inferenceSteps);
        double deviation = eta * Math.Sqrt((1 - alphaPrevious) / (1 - alpha) * (1 - alpha / alphaPrevious)); // equation 16
        using DisposeScope scope = NewDisposeScope();
        (Tensor original, Tensor noise) = CleanSample.Predict(Schedule.Configuration, modelOutput, sample, alpha);
        Tensor previous = original.Times(Math.Sqrt(alphaPrevious)).Plus(noise.Times(Math.Sqrt(1 - alphaPrevious - deviation * deviation))); // equation 12
        if (eta > 0)
        {
            previous = previous.Plus(varianceNoise!.Times(deviation));
        }
        return new DdimStep(previous.MoveToOuterDisposeScope(), original.MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public IDenoisingRun Start(int inferenceSteps) => new Run(this, inferenceSteps);

    private sealed class Run : IDenoisingRun
    {
        private readonly DdimScheduler _scheduler;
        private int _done;

        public Run(DdimScheduler scheduler, int inferenceSteps)
        {
            scheduler.Schedule.RequireSteps(inferenceSteps);
            _scheduler = scheduler;
            Timesteps = scheduler.Timesteps(inferenceSteps);
        }

        public IReadOnlyList<int> Timesteps { get; }

        public Tensor Step(Tensor modelOutput, Tensor sample)
        {
            if (_done == Timesteps.Count)
            {
                throw new InvalidOperationException("Every denoising step of this chunk has been taken; start another run.");
            }
            DdimStep step = _scheduler.Step(modelOutput, Timesteps[_done++], sample, Timesteps.Count);
            step.PredictedOriginal.Dispose();
            return step.Previous;
        }

        public void Dispose() { }
    }
}
