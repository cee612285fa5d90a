using LatentSync.Foundation.Files;
using LatentSync.Models.Loading;

namespace LatentSync.Training.Loops;

/// <summary>The keys that every training's YAML file shares, and how they become <see cref="TrainingLoopOptions"/>.</summary>
internal static class LoopConfiguration
{
    /// <summary>Keys of <c>optimizer</c>. <c>weight_decay</c> is ours; the original fixes 0.01.</summary>
    public static IReadOnlyList<string> OptimizerKeys { get; } =
    ["lr", "scale_lr", "max_grad_norm", "lr_scheduler", "lr_warmup_steps", "weight_decay"];

    /// <summary>Keys of <c>run</c> that steer the loop. <c>ema_decay</c> and <c>gradient_accumulation_steps</c> there are ours.</summary>
    public static IReadOnlyList<string> RunKeys { get; } =
    ["max_train_steps", "seed", "validation_steps", "mixed_precision_training", "ema_decay", "gradient_accumulation_steps"];

    /// <summary>Keys of <c>ckpt</c>. <c>keep_ckpts</c> is ours.</summary>
    public static IReadOnlyList<string> CheckpointKeys { get; } =
    ["save_ckpt_steps", "resume_ckpt_path", "inference_ckpt_path", "keep_ckpts"];

    /// <summary>Reads the three sections.</summary>
    /// <param name="document">The file.</param>
    /// <param name="run">What the command line says.</param>
    /// <param name="runKeys">Keys of <c>run</c> that the trainer itself reads.</param>
    /// <param name="ignoredRunKeys">Keys of <c>run</c> that the original has and that do nothing here.</param>
    /// <param name="checkpointKeys">Keys of <c>ckpt</c> that the trainer itself reads.</param>
    /// <exception cref="ModelConfigurationException">A key is unknown or a value cannot be used.</exception>
    public static TrainingLoopOptions Read(
        TrainingDocument document,
        TrainingRun run,
        IReadOnlyList<string> runKeys,
        IReadOnlyList<string> ignoredRunKeys,
        params IReadOnlyList<string> checkpointKeys
    )
    {
        (int maxSteps, int seed, int validation, double ema, int accumulation) = document.Read(
            "run",
            [.. RunKeys, .. runKeys],
            ignoredRunKeys,
            r =>
                (
                    r.Integer("max_train_steps", 10_000_000, 1, int.MaxValue),
                    r.Integer("seed", 1247, 0, int.MaxValue),
                    r.Integer("validation_steps", 0, 0, int.MaxValue),
                    r.Number("ema_decay", 0),
                    r.Integer("gradient_accumulation_steps", 1, 1, 1 << 20)
                )
        );
        (int save, int keep) = document.Read(
            "ckpt",
            [.. CheckpointKeys, .. checkpointKeys],
            [],
            r => (r.Integer("save_ckpt_steps", 10_000, 1, int.MaxValue), r.Integer("keep_ckpts", 3, 0, 1 << 20))
        );
        long steps = run.MaxSteps ?? maxSteps;
        return document.Read(
            "optimizer",
            OptimizerKeys,
            [],
            r =>
            {
                string scheduler = r.Text("lr_scheduler", "constant");
                if (!LearningRateSchedule.Kinds.TryGetValue(scheduler, out LearningRateKind kind))
                {
                    throw r.Invalid("lr_scheduler", scheduler, string.Join(", ", LearningRateSchedule.Kinds.Keys));
                }
                return new TrainingLoopOptions
                {
                    OutputFolder = run.OutputFolder,
                    ConfigurationPath = run.ConfigurationPath,
                    MaxSteps = steps,
                    Schedule = new LearningRateSchedule(
                        kind,
                        r.Number("lr", 1e-5),
                        r.Integer("lr_warmup_steps", 0, 0, int.MaxValue),
                        steps
                    ),
                    Seed = run.Seed ?? seed,
                    SaveEverySteps = save,
                    ValidateEverySteps = validation == 0 ? null : validation,
                    GradientAccumulationSteps = accumulation,
                    MaxGradientNorm = r.Number("max_grad_norm", 1.0),
                    EmaDecay = ema == 0 ? null : ema,
                    Optimizer = new AdamWOptions { WeightDecay = r.Number("weight_decay", 0.01) },
                    Resume = run.Resume,
                    Inputs = Inputs(document, run),
                    KeepCheckpoints = keep,
                };
            }
        );
    }

    private static NamedPath[] Inputs(TrainingDocument document, TrainingRun run) =>
        [
            new("⟦ConfigurationPath⟧", run.ConfigurationPath),
            new("⟦DataPath⟧", Directory.Exists(run.DataPath) ? null : run.DataPath), // of a folder, only the videos are read
            new("⟦AutoencoderFolder⟧", run.AutoencoderFolder),
            new("⟦WhisperPath⟧", run.WhisperPath),
            new("⟦StartPath⟧", run.StartPath),
            .. document.InputPaths().Select(path => new NamedPath("a file of the configuration", path)),
        ];
}

/// <summary>What the command line says about a training.</summary>
public sealed record TrainingRun
{
    /// <summary>The YAML file.</summary>
    public required string ConfigurationPath { get; init; }

    /// <summary>Folder of the run.</summary>
    public required string OutputFolder { get; init; }

    /// <summary>Go on where the folder's last run stopped.</summary>
    public bool Resume { get; init; }

    /// <summary>Instead of <c>run.max_train_steps</c>; null: as configured.</summary>
    public long? MaxSteps { get; init; }

    /// <summary>Instead of <c>run.seed</c>; null: as configured.</summary>
    public long? Seed { get; init; }

    /// <summary>Instead of the configuration's data folder or file list; null: as configured.</summary>
    public string? DataPath { get; init; }

    /// <summary>Folder of the frozen autoencoder, instead of the configuration's; only for the denoising network.</summary>
    public string? AutoencoderFolder { get; init; }

    /// <summary>File of the frozen speech encoder, instead of the configuration's; only for the denoising network.</summary>
    public string? WhisperPath { get; init; }

    /// <summary>Weights to start from, instead of <c>ckpt.resume_ckpt_path</c>; only for the denoising network.</summary>
    public string? StartPath { get; init; }

    /// <summary>"auto", "cpu", "cuda", "cuda:N". Default auto.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Threads of libtorch, at least 1; null: as many as it takes itself.</summary>
    public int? Threads { get; init; }

    /// <summary>Path of ffmpeg; null: found on PATH.</summary>
    public string? FfmpegPath { get; init; }
}
