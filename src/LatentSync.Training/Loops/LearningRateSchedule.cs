namespace LatentSync.Training.Loops;

/// <summary>How the learning rate changes over a training; the schedules of diffusers that the original's configuration can name.</summary>
/// <param name="Kind">Which curve follows the warm-up.</param>
/// <param name="BaseRate">Rate after the warm-up, greater than 0.</param>
/// <param name="WarmupSteps">Steps of linear rise from 0.</param>
/// <param name="TotalSteps">Steps of the whole training.</param>
public sealed record LearningRateSchedule(LearningRateKind Kind, double BaseRate, long WarmupSteps, long TotalSteps)
{
    /// <summary>The names that <c>optimizer.lr_scheduler</c> may have.</summary>
    public static IReadOnlyDictionary<string, LearningRateKind> Kinds { get; } =
        new Dictionary<string, LearningRateKind>
        {
            ["constant"] = LearningRateKind.Constant,
            ["constant_with_warmup"] = LearningRateKind.Constant,
            ["linear"] = LearningRateKind.Linear,
            ["cosine"] = LearningRateKind.Cosine,
        };

    /// <summary>The rate of a step.</summary>
    /// <param name="step">From 1.</param>
    public double At(long step)
    {
        long done = step - 1;
        if (done < WarmupSteps)
        {
            return BaseRate * (done + 1) / (WarmupSteps + 1);
        }
        double progress = Math.Clamp((double)(done - WarmupSteps) / Math.Max(1, TotalSteps - WarmupSteps), 0, 1);
        return Kind switch
        {
            LearningRateKind.Linear => BaseRate * (1 - progress),
            LearningRateKind.Cosine => BaseRate * 0.5 * (1 + Math.Cos(Math.PI * progress)),
            _ => BaseRate,
        };
    }
}

/// <summary>Curves of the learning rate.</summary>
public enum LearningRateKind
{
    /// <summary>Stays.</summary>
    Constant,

    /// <summary>Falls linearly to 0 at the last step.</summary>
    Linear,

    /// <summary>Falls along half a cosine to 0 at the last step.</summary>
    Cosine,
}
