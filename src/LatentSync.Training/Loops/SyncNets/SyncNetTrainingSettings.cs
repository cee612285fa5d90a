using LatentSync.Models.SyncNets;

namespace LatentSync.Training.Loops.SyncNets;

/// <summary>What a training of the synchronisation network reads from its YAML file (the original's configs/syncnet/*.yaml).</summary>
internal sealed record SyncNetTrainingSettings
{
    // Keys of the original that do nothing here: files are cached in memory, rates are fixed.
    private static readonly string[] IgnoredDataKeys =
    [
        "train_output_dir",
        "num_workers",
        "audio_mel_cache_dir",
        "audio_sample_rate",
        "video_fps",
    ];

    private static readonly string[] DataKeys =
    [
        .. TrainingVideos.Keys,
        "num_val_samples",
        "batch_size",
        "gradient_accumulation_steps",
        "latent_space",
        "num_frames",
        "resolution",
        "lower_half",
        "vae_path",
        "cache_gigabytes",
    ];

    /// <summary>Section <c>model</c> with its part of <c>data</c>.</summary>
    public required SyncNetConfiguration Network { get; init; }

    /// <summary><c>data.batch_size</c>: pairs per batch.</summary>
    public required int BatchSize { get; init; }

    /// <summary><c>data.num_val_samples</c>: pairs of a validation, about.</summary>
    public required int ValidationSamples { get; init; }

    /// <summary>The videos to train on.</summary>
    public required IReadOnlyList<string> Videos { get; init; }

    /// <summary>The videos to validate with; empty: no validation.</summary>
    public required IReadOnlyList<string> ValidationVideos { get; init; }

    /// <summary><c>data.vae_path</c>, ours: folder of the autoencoder, for <c>latent_space: true</c>.</summary>
    public string? AutoencoderFolder { get; init; }

    /// <summary><c>data.cache_gigabytes</c>, ours: memory for decoded videos.</summary>
    public double CacheGigabytes { get; init; } = 2;

    /// <summary><c>ckpt.resume_ckpt_path</c>: weights to start from; null: random ones.</summary>
    public string? InitialWeights { get; init; }

    /// <summary>Pairs of one validation batch: the original holds the number of frames below 640.</summary>
    public int ValidationBatchSize => Math.Max(1, Math.Min(640 / Network.NumFrames, BatchSize));

    /// <exception cref="Models.Loading.ModelConfigurationException">A key is unknown or a value cannot be used.</exception>
    /// <exception cref="TrainingException">Entries contradict each other.</exception>
    public static (SyncNetTrainingSettings Settings, TrainingLoopOptions Loop) Read(TrainingRun run)
    {
        TrainingDocument document = TrainingDocument.Open(run.ConfigurationPath, "model", "ckpt", "data", "optimizer", "run");
        SyncNetConfiguration network = document.ReadModel("model", SyncNetConfiguration.FromJson);
        SyncNetConfiguration See(Models.Loading.ConfigurationReader r)
        {
            SyncNetConfiguration seen = network with
            {
                Resolution = r.Integer("resolution", 256, 8, 1 << 11),
                LatentSpace = r.Flag("latent_space", false),
                LowerHalf = r.Flag("lower_half", true),
            };
            return seen with { NumFrames = r.Integer("num_frames", seen.FramesOfChannels(), 1, 1 << 10) };
        }
        (SyncNetTrainingSettings settings, int accumulation) = document.Read(
            "data",
            DataKeys,
            IgnoredDataKeys,
            r =>
                (
                    new SyncNetTrainingSettings
                    {
                        Network = See(r),
                        BatchSize = r.Integer("batch_size", 256, 1, 1 << 16),
                        ValidationSamples = r.Integer("num_val_samples", 2048, 1, 1 << 24),
                        Videos = TrainingVideos.Training(document, r, run.DataPath),
                        ValidationVideos = TrainingVideos.Validation(document, r),
                        AutoencoderFolder = document.PathOf(r.Text("vae_path", string.Empty)),
                        CacheGigabytes = r.Number("cache_gigabytes", 2),
                        InitialWeights = document.ReadPath("ckpt", "resume_ckpt_path"),
                    },
                    r.Integer("gradient_accumulation_steps", 1, 1, 1 << 20)
                )
        );
        settings.Network.Validate();
        if (settings.Network.LatentSpace && settings.AutoencoderFolder is null)
        {
            throw new TrainingException(
                "data.latent_space is true; data.vae_path must name the folder of the autoencoder that makes the latents (config.json and weights)."
            );
        }
        if (!(settings.CacheGigabytes >= 0 && settings.CacheGigabytes <= 4096))
        {
            throw new TrainingException($"data.cache_gigabytes is {settings.CacheGigabytes}; 0 to 4096 is required.");
        }
        TrainingLoopOptions loop = LoopConfiguration.Read(document, run, [], []);
        return (settings, accumulation == 1 ? loop : loop with { GradientAccumulationSteps = accumulation });
    }
}
