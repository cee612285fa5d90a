using LatentSync.Models.Autoencoders;
using LatentSync.Training.Datasets;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops.SyncNets;

/// <summary>`latentsync train syncnet`: the network that judges whether lips and sound belong together.</summary>
public static class SyncNetTraining
{
    /// <summary>Trains and writes checkpoints in the layout of <c>stable_syncnet.pt</c>, with the loss curves in four lists as the
    /// original.</summary>
    /// <param name="run">Configuration, folder, overrides.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Stops after the current batch and saves.</param>
    /// <exception cref="Models.Loading.ModelConfigurationException">The configuration is not usable.</exception>
    /// <exception cref="TrainingDataException">There are no videos that can be used.</exception>
    /// <exception cref="TrainingException">The training cannot start or go on.</exception>
    public static TrainingReport Run(
        TrainingRun run,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(run);
        (SyncNetTrainingSettings settings, TrainingLoopOptions options) = SyncNetTrainingSettings.Read(run);
        Device device = TrainingDevice.Prepare(run).Device;
        FaceClipLibraryOptions decoding = SyncNetBatches.Options(
            settings.Network,
            new FaceClipLibraryOptions { CacheBytes = (long)(settings.CacheGigabytes * (1L << 30)), FfmpegPath = run.FfmpegPath }
        );
        using AutoencoderKL? autoencoder = settings.Network.LatentSpace
            ? AutoencoderFolder.Load(settings.AutoencoderFolder!, ScalarType.Float32, device, cancellationToken: cancellationToken)
            : null;
        return ClipTraining.Run(
            settings.Videos,
            settings.ValidationVideos,
            decoding,
            (library, validation) =>
                new SyncNetTask(
                    settings,
                    network => new SyncNetBatches(library, network, autoencoder),
                    validation is null ? null : network => new SyncNetBatches(validation, network, autoencoder),
                    options.Seed,
                    device
                ),
            options,
            progress,
            cancellationToken
        );
    }
}
