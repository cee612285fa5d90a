using static TorchSharp.torch;

namespace LatentSync.Training.Loops.AudioEncoders;

/// <summary>`latentsync train speech`: a small speech encoder of Whisper's architecture from synthesised speech.</summary>
public static class SpeechEncoderTraining
{
    /// <summary>Trains and writes checkpoints in the layout of <c>whisper/tiny.pt</c>.</summary>
    /// <param name="run">Configuration, folder, overrides.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Stops after the current batch and saves.</param>
    /// <exception cref="Models.Loading.ModelConfigurationException">The configuration is not usable.</exception>
    /// <exception cref="TrainingException">The training cannot start or go on.</exception>
    public static TrainingReport Run(
        TrainingRun run,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(run);
        (SpeechEncoderSettings settings, TrainingLoopOptions options) = SpeechEncoderSettings.Read(run);
        Device device = TrainingDevice.Prepare(run).Device;
        using SpeechEncoderTask task = new(settings, options.Seed, device);
        return new TrainingLoop(options).Run(task, progress, cancellationToken);
    }
}
