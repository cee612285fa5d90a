using LatentSync.Training.Datasets;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops.Autoencoders;

/// <summary>`latentsync train vae`: the image autoencoder from videos of aligned faces.</summary>
public static class AutoencoderTraining
{
    /// <summary>Trains and writes checkpoints in diffusers' folder layout.</summary>
    /// <param name="run">Configuration, data, folder, overrides.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Stops after the current batch and saves.</param>
    /// <exception cref="Models.Loading.ModelConfigurationException">The configuration is not usable.</exception>
    /// <exception cref="TrainingDataException">There are no usable videos.</exception>
    /// <exception cref="TrainingException">The training cannot start or go on.</exception>
    public static TrainingReport Run(
        TrainingRun run,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(run);
        (AutoencoderSettings settings, TrainingLoopOptions options) = AutoencoderSettings.Read(run);
        Device device = TrainingDevice.Prepare(run).Device;
        FaceClipLibraryOptions clips = new()
        {
            Resolution = settings.Resolution,
            MinimumFrames = 3,
            CacheBytes = settings.CacheBytes,
            FfmpegPath = run.FfmpegPath,
        };
        return ClipTraining.Run(
            settings.Videos,
            settings.ValidationVideos,
            clips,
            (library, validation) => new AutoencoderTask(settings, library, validation, options.Seed, device),
            options,
            progress,
            cancellationToken
        );
    }
}
