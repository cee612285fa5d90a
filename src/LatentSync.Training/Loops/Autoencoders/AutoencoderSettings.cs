using LatentSync.Models.Autoencoders;

namespace LatentSync.Training.Loops.Autoencoders;

/// <summary>What a training of the autoencoder reads from its YAML file.</summary>
/// <param name="Network">Section <c>model</c>, diffusers' keys.</param>
/// <param name="Videos">The videos of <c>data.train_fileslist</c> or <c>data.train_data_dir</c>.</param>
/// <param name="ValidationVideos">Those of <c>data.val_fileslist</c> or <c>data.val_data_dir</c>; empty: no validation.</param>
/// <param name="Resolution"><c>data.resolution</c>.</param>
/// <param name="BatchSize"><c>data.batch_size</c>: pictures.</param>
/// <param name="CacheBytes"><c>data.cache_megabytes</c> of decoded videos.</param>
/// <param name="KlWeight"><c>run.kl_weight</c>: of the mean Kullback-Leibler divergence per latent.</param>
/// <param name="MouthWeight"><c>run.mouth_weight</c>: of a pixel that lip-sync generates, against 1 for one that it keeps.</param>
/// <param name="MaskedShare"><c>run.masked_share</c>: share of pictures whose mouth is blanked out, as lip-sync encodes them too.</param>
internal sealed record AutoencoderSettings(
    AutoencoderConfiguration Network,
    IReadOnlyList<string> Videos,
    IReadOnlyList<string> ValidationVideos,
    int Resolution,
    int BatchSize,
    long CacheBytes,
    double KlWeight,
    double MouthWeight,
    double MaskedShare
)
{
    private static readonly string[] RunKeys = ["kl_weight", "mouth_weight", "masked_share", "trainable_modules"];

    /// <summary><c>run.trainable_modules</c>: parts of names; empty: everything. "decoder." refines the pictures while the latents stay
    /// what a denoising network knows.</summary>
    public IReadOnlyList<string> TrainableModules { get; init; } = [];

    /// <summary><c>ckpt.resume_ckpt_path</c>: folder of an autoencoder to start from; null: from the beginning.</summary>
    public string? StartPath { get; init; }

    public static (AutoencoderSettings Settings, TrainingLoopOptions Loop) Read(TrainingRun run)
    {
        TrainingDocument document = TrainingDocument.Open(run.ConfigurationPath, "data", "ckpt", "run", "optimizer", "model");
        AutoencoderConfiguration network = document.ReadModel("model", AutoencoderConfiguration.FromJson);
        TrainingLoopOptions loop = LoopConfiguration.Read(document, run, RunKeys, []);
        (double kl, double mouth, double masked, string[] modules) = document.Read(
            "run",
            [.. LoopConfiguration.RunKeys, .. RunKeys],
            [],
            r =>
                (
                    r.Number("kl_weight", 1e-4),
                    r.Number("mouth_weight", 1),
                    r.Number("masked_share", 0),
                    r.Texts("trainable_modules", [], 64)
                )
        );
        AutoencoderSettings settings = document.Read(
            "data",
            [.. TrainingVideos.Keys, "resolution", "batch_size", "cache_megabytes"],
            ["num_workers"],
            r => new AutoencoderSettings(
                network,
                TrainingVideos.Training(document, r, run.DataPath),
                TrainingVideos.Validation(document, r),
                r.Integer("resolution", 256, 8, 2048),
                r.Integer("batch_size", 8, 1, 4096),
                (long)r.Integer("cache_megabytes", 2048, 0, 1 << 20) << 20,
                kl,
                mouth,
                masked
            )
            {
                TrainableModules = modules,
                StartPath = run.StartPath ?? document.ReadPath("ckpt", "resume_ckpt_path"),
            }
        );
        if (settings.Resolution % network.DownsamplingFactor != 0)
        {
            throw new TrainingException(
                $"data.resolution is {settings.Resolution}; a multiple of the autoencoder's factor {network.DownsamplingFactor} is required."
            );
        }
        return (settings, loop);
    }
}
