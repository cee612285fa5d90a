using static TorchSharp.torch;

namespace LatentSync.Models.Schedulers;

/// <summary>A way from noise to latents in few network calls.</summary>
public interface INoiseScheduler
{
    /// <summary>The noise levels of the training.</summary>
    NoiseSchedule Schedule { get; }

    /// <summary>Timesteps in the order of use.</summary>
    /// <param name="inferenceSteps">n, at least 1.</param>
    /// <returns>The list; whether every timestep of it exists is for <see cref="Start"/> to check.</returns>
    /// <exception cref="ArgumentOutOfRangeException">So many steps do not fit on the training steps.</exception>
    IReadOnlyList<int> Timesteps(int inferenceSteps);

    /// <summary>Begins the denoising of one chunk. What a scheduler remembers between steps lives in the run, so no chunk inherits from
    /// another.</summary>
    /// <param name="inferenceSteps">n, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">So many steps do not fit on the training steps.</exception>
    IDenoisingRun Start(int inferenceSteps);
}

/// <summary>The denoising of one chunk.</summary>
public interface IDenoisingRun : IDisposable
{
    /// <summary>Timesteps in the order of use.</summary>
    IReadOnlyList<int> Timesteps { get; }

    /// <summary>Takes the next step.</summary>
    /// <param name="modelOutput">The network's output for <paramref name="sample"/> at the current timestep. Not modified.</param>
    /// <param name="sample">x at the current timestep. Not modified.</param>
    /// <returns>x at the next timestep; after the last one the result.</returns>
    /// <exception cref="InvalidOperationException">Every step has been taken.</exception>
    Tensor Step(Tensor modelOutput, Tensor sample);
}
