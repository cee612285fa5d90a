using System.Globalization;

namespace LatentSync.Training.Loops;

/// <summary>A loss or a gradient became infinite or NaN. The step was not applied: the last checkpoint is good.</summary>
public sealed class NonFiniteLossException : TrainingException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="step">The step that failed, from 1.</param>
    /// <param name="what">The loss's name, or "gradient norm".</param>
    /// <param name="value">What was found.</param>
    /// <param name="batch">Which videos and frames the batch was made of.</param>
    /// <param name="lastGoodStep">Step of the checkpoint to go on from; null when none was written yet.</param>
    public NonFiniteLossException(long step, string what, double value, string batch, long? lastGoodStep)
        : base(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Step {step}: the {what} is {value}. The batch was: {batch}. The weights were not changed by it; {(lastGoodStep is { } good ? $"the checkpoint of step {good} is kept" : "no checkpoint was written before")}. Lower optimizer.lr, look at these videos, or go on with ⟦Resume⟧ after removing them."
            )
        )
    {
        (Step, What, Value, Batch, LastGoodStep) = (step, what, value, batch, lastGoodStep);
    }

    /// <summary>The step that failed, from 1.</summary>
    public long Step { get; }

    /// <summary>The loss's name, or "gradient norm".</summary>
    public string What { get; }

    /// <summary>What was found.</summary>
    public double Value { get; }

    /// <summary>Videos and frames of the batch.</summary>
    public string Batch { get; }

    /// <summary>Step of the last checkpoint; null when there is none.</summary>
    public long? LastGoodStep { get; }
}
