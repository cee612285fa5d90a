using LatentSync.Training.Datasets;

namespace LatentSync.Training.Loops.UNets;

/// <summary>`latentsync train unet`: the denoising network, stage 1 and stage 2.</summary>
public static class UNetTraining
{
    /// <summary>Trains and writes <c>checkpoint-{step}.pt</c> in the original's layout.</summary>
    /// <param name="run">Configuration, data, frozen networks, folder, overrides.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Stops after the current batch and saves.</param>
    /// <exception cref="Models.Loading.ModelConfigurationException">The configuration is not usable.</exception>
    /// <exception cref="Models.Loading.CheckpointMismatchException">A checkpoint is of another shape.</exception>
    /// <exception cref="TrainingDataException">There are no usable videos.</exception>
    /// <exception cref="TrainingException">The training cannot start or go on.</exception>
    public static TrainingReport Run(
        TrainingRun run,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(run);
        (UNetSettings settings, TrainingLoopOptions options) = UNetSettings.Read(run);
        TrainingDevice hardware = TrainingDevice.Prepare(run);
        FaceClipLibraryOptions clips = new()
        {
            Resolution = settings.Resolution,
            MinimumFrames = 3 * settings.Frames,
            CacheBytes = settings.CacheBytes,
            FfmpegPath = run.FfmpegPath,
        };
        return ClipTraining.Run(
            settings.Videos,
            settings.ValidationVideos,
            clips,
            (library, validation) => new UNetTask(settings, library, validation, options.Seed, hardware),
            options,
            progress,
            cancellationToken
        );
    }
}
