using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;

namespace LatentSync.Training.Loops;

/// <summary>How long, how fast and where to a <see cref="TrainingLoop"/> trains.</summary>
public sealed record TrainingLoopOptions
{
    /// <summary>Folder of the run: state, checkpoints, loss curve; made if missing.</summary>
    public required string OutputFolder { get; init; }

    /// <summary>The run's configuration, of which the folder gets a copy; null: none.</summary>
    public string? ConfigurationPath { get; init; }

    /// <summary>Steps in all, at least 1.</summary>
    public required long MaxSteps { get; init; }

    /// <summary>The learning rate of each step.</summary>
    public required LearningRateSchedule Schedule { get; init; }

    /// <summary>Seed of batches and noise. Default: the original's.</summary>
    public long Seed { get; init; } = 1247;

    /// <summary>A checkpoint and a state every so many steps, and at the end; at least 1.</summary>
    public long SaveEverySteps { get; init; } = 10_000;

    /// <summary>A validation every so many steps; null: only where a checkpoint is written.</summary>
    public long? ValidateEverySteps { get; init; }

    /// <summary>Batches whose gradients make one step, at least 1.</summary>
    public int GradientAccumulationSteps { get; init; } = 1;

    /// <summary>Gradients of a greater norm are scaled down to it; null: not clipped.</summary>
    public double? MaxGradientNorm { get; init; } = 1.0;

    /// <summary>Decay of the moving average of the weights; null: none.</summary>
    public double? EmaDecay { get; init; }

    /// <summary>The optimizer's constants.</summary>
    public AdamWOptions Optimizer { get; init; } = new();

    /// <summary>Go on where an earlier run of this folder stopped; without it a folder that holds a state is refused.</summary>
    public bool Resume { get; init; }

    /// <summary>Checkpoints to keep, the latest ones; 0 keeps all.</summary>
    public int KeepCheckpoints { get; init; } = 3;

    /// <summary>Files and folders that the training reads: none of them may be written.</summary>
    internal IReadOnlyList<NamedPath> Inputs { get; init; } = [];

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="TrainingException">A value is out of its range.</exception>
    public void Check()
    {
        Require(MaxSteps >= 1, $"run.max_train_steps is {MaxSteps}; at least 1 is required.");
        Require(SaveEverySteps >= 1, $"ckpt.save_ckpt_steps is {SaveEverySteps}; at least 1 is required.");
        Require(GradientAccumulationSteps >= 1, $"gradient_accumulation_steps is {GradientAccumulationSteps}; at least 1 is required.");
        Require(MaxGradientNorm is null or > 0, $"optimizer.max_grad_norm is {MaxGradientNorm}; a number above 0 is required.");
        Require(
            Schedule.BaseRate > 0 && double.IsFinite(Schedule.BaseRate),
            $"optimizer.lr is {Schedule.BaseRate}; a number above 0 is required."
        );
        Require(EmaDecay is null or (>= 0 and < 1), $"run.ema_decay is {EmaDecay}; a number from 0 to below 1 is required.");
    }

    private static void Require(bool condition, Sentence message)
    {
        if (!condition)
        {
            throw new TrainingException(message);
        }
    }
}
