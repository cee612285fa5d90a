using System.Globalization;
using LatentSync.Models.Schedulers;
using LatentSync.Models.UNets;

namespace LatentSync.Training.Loops.UNets;

/// <summary>What a training of the denoising network reads from its YAML file: the original's keys, and a few of ours (marked
/// so).</summary>
internal sealed record UNetSettings
{
    private static readonly string[] DataKeys =
    [
        .. TrainingVideos.Keys,
        "batch_size",
        "num_frames",
        "resolution",
        "mask_image_path",
        "audio_feat_length",
        "syncnet_config_path",
        "cache_megabytes",
    ];

    private static readonly string[] IgnoredDataKeys =
    [
        "num_workers",
        "train_output_dir",
        "audio_embeds_cache_dir",
        "audio_mel_cache_dir",
        "val_video_path",
        "val_audio_path",
        "audio_sample_rate",
        "video_fps",
    ];

    private static readonly string[] OwnRunKeys =
    [
        .. SupervisionSettings.RunKeys,
        "recon_loss_weight",
        "trainable_modules",
        "use_mixed_noise",
        "mixed_noise_alpha",
        "enable_gradient_checkpointing",
        "audio_dropout",
        "loss_weighting",
        "prediction_type",
        "mouth_weight",
    ];

    private static readonly string[] IgnoredRunKeys = ["guidance_scale", "inference_steps", "max_train_epochs"];

    /// <summary>Section <c>model</c>.</summary>
    public required UNet3DConfiguration Network { get; init; }

    /// <summary>The videos to train on.</summary>
    public required IReadOnlyList<string> Videos { get; init; }

    /// <summary>The videos to validate with; empty: no validation.</summary>
    public required IReadOnlyList<string> ValidationVideos { get; init; }

    /// <summary><c>data.batch_size</c>: windows.</summary>
    public int BatchSize { get; init; }

    /// <summary><c>data.num_frames</c> of a window.</summary>
    public int Frames { get; init; }

    /// <summary><c>data.resolution</c>.</summary>
    public int Resolution { get; init; }

    /// <summary><c>data.mask_image_path</c>; null: the original's mask.</summary>
    public string? MaskPath { get; init; }

    /// <summary><c>data.audio_feat_length</c>: rows before and after.</summary>
    public (int Before, int After) AudioFrames { get; init; }

    /// <summary><c>data.cache_megabytes</c> (ours) of latents and tokens.</summary>
    public long CacheBytes { get; init; }

    /// <summary><c>ckpt.vae_path</c> (ours): folder of the frozen autoencoder.</summary>
    public required string AutoencoderFolder { get; init; }

    /// <summary><c>ckpt.whisper_path</c> (ours): file of the frozen speech encoder.</summary>
    public required string WhisperPath { get; init; }

    /// <summary><c>ckpt.resume_ckpt_path</c>: weights to start from; null: from the beginning.</summary>
    public string? StartPath { get; init; }

    /// <summary><c>run.trainable_modules</c>: parts of names; empty: everything.</summary>
    public IReadOnlyList<string> TrainableModules { get; init; } = [];

    /// <summary><c>run.recon_loss_weight</c>.</summary>
    public double ReconstructionWeight { get; init; }

    /// <summary><c>run.mixed_noise_alpha</c>; null: one frame's noise for all (<c>use_mixed_noise</c> false).</summary>
    public double? MixedNoiseAlpha { get; init; }

    /// <summary><c>run.audio_dropout</c> (ours): share of windows whose tokens are zero, so that guidance knows silence. The original
    /// trains without.</summary>
    public double AudioDropout { get; init; }

    /// <summary><c>run.loss_weighting</c> (ours) is "velocity": errors at high noise, where the audio decides, count as they do for a
    /// velocity prediction, 1 + 1/SNR, at most <see cref="UNetTask.LargestWeight"/>; "epsilon" is the original's.</summary>
    public bool WeighsVelocity { get; init; }

    /// <summary><c>run.mouth_weight</c> (ours): how much the error of a latent at the middle of the mouth counts, against 1 far from it.
    /// The original's is 1; but only a tenth of the latents move with the speech, and a small network is long busy with the
    /// others.</summary>
    public double MouthWeight { get; init; } = 1;

    /// <summary><c>run.prediction_type</c> (ours): what the network learns to give. The original's is the noise; a small network learns
    /// "sample", the clean latents, much sooner, since at high noise it need not reproduce its input to a percent.</summary>
    public PredictionType Prediction { get; init; }

    /// <summary><c>run.mixed_precision_training</c>: predictions and gradients in bfloat16 where that pays,
    /// <see cref="TrainingDevice.MixesPrecision"/>.</summary>
    public bool MixedPrecision { get; init; }

    /// <summary><c>run.enable_gradient_checkpointing</c>.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>Stage 2's judges.</summary>
    public SupervisionSettings Supervision { get; init; } = new();

    public static (UNetSettings Settings, TrainingLoopOptions Loop) Read(TrainingRun run)
    {
        TrainingDocument document = TrainingDocument.Open(run.ConfigurationPath, "data", "ckpt", "run", "optimizer", "model");
        UNet3DConfiguration network = document.ReadModel("model", UNet3DConfiguration.FromJson);
        TrainingLoopOptions loop = LoopConfiguration.Read(
            document,
            run,
            OwnRunKeys,
            IgnoredRunKeys,
            [.. SupervisionSettings.CheckpointKeys, "vae_path", "whisper_path"]
        );
        string? File(string key) => document.ReadPath("ckpt", key);
        UNetSettings settings = document.Read(
            "data",
            DataKeys,
            IgnoredDataKeys,
            r =>
            {
                int[] reach = r.Integers("audio_feat_length", [2, 2], 0, 1000, 2);
                return new UNetSettings
                {
                    Network = network,
                    Videos = TrainingVideos.Training(document, r, run.DataPath),
                    ValidationVideos = TrainingVideos.Validation(document, r),
                    BatchSize = r.Integer("batch_size", 1, 1, 4096),
                    Frames = r.Integer("num_frames", 16, 1, 1024),
                    Resolution = r.Integer("resolution", 256, 8, 2048),
                    MaskPath = document.PathOf(r.Text("mask_image_path", string.Empty)),
                    AudioFrames = (reach[0], reach[^1]),
                    CacheBytes = (long)r.Integer("cache_megabytes", 2048, 0, 1 << 20) << 20,
                    AutoencoderFolder = Required(run.AutoencoderFolder ?? File("vae_path"), "ckpt.vae_path", "⟦AutoencoderFolder⟧"),
                    WhisperPath = Required(run.WhisperPath ?? File("whisper_path"), "ckpt.whisper_path", "⟦WhisperPath⟧"),
                    StartPath = run.StartPath ?? File("resume_ckpt_path"),
                };
            }
        );
        settings = document.Read(
            "run",
            [.. LoopConfiguration.RunKeys, .. OwnRunKeys],
            IgnoredRunKeys,
            r =>
                settings with
                {
                    TrainableModules = r.Texts("trainable_modules", [], 64),
                    ReconstructionWeight = r.Number("recon_loss_weight", 1),
                    MixedNoiseAlpha = r.Flag("use_mixed_noise", true) ? r.Number("mixed_noise_alpha", 1) : null,
                    AudioDropout = r.Number("audio_dropout", 0),
                    MixedPrecision = r.Flag("mixed_precision_training", false),
                    MouthWeight = r.Number("mouth_weight", 1) switch
                    {
                        > 0 and < 1e6 and double weight => weight,
                        double other => throw r.Invalid(
                            "mouth_weight",
                            other.ToString(CultureInfo.InvariantCulture),
                            "a number above 0 and below 1e6"
                        ),
                    },
                    GradientCheckpointing = r.Flag("enable_gradient_checkpointing", false),
                    Supervision = SupervisionSettings.Read(r, document.ReadPath("data", "syncnet_config_path"), File),
                    Prediction =
                        SchedulerConfiguration.ParsePrediction(r.Text("prediction_type", "epsilon"))
                        ?? throw r.Invalid("prediction_type", r.Text("prediction_type", string.Empty), "epsilon, sample or v_prediction"),
                    WeighsVelocity = r.Text("loss_weighting", "epsilon") switch
                    {
                        "epsilon" => false,
                        "velocity" => true,
                        string other => throw r.Invalid("loss_weighting", other, "epsilon or velocity"),
                    },
                }
        );
        return (settings, loop);
    }

    private static string Required(string? path, string key, string option) =>
        path
        ?? throw new TrainingException($"The denoising network needs trained networks to build on: {key} (or {option}) must name one.");
}
