using LatentSync.Foundation.Wording;

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
    public NonFiniteLossException(long step, Sentence what, double value, string batch, long? lastGoodStep)
        : base(
            lastGoodStep is { } good
                ? (Sentence)
                    $"Step {step}: the {what} is {value}. The batch was: {batch}. The weights were not changed; the checkpoint of step {good} is kept. Lower optimizer.lr, check these videos, or remove them and continue with ⟦Resume⟧."
                : $"Step {step}: the {what} is {value}. The batch was: {batch}. The weights were not changed; no checkpoint had been written. Lower optimizer.lr, or check or remove these videos."
        )
    {
        (Step, What, Value, Batch, LastGoodStep) = (step, what, value, batch, lastGoodStep);
    }

    /// <summary>The step that failed, from 1.</summary>
    public long Step { get; }

    /// <summary>The loss's name, or "gradient norm".</summary>
    public Sentence What { get; }

    /// <summary>What was found.</summary>
    public double Value { get; }

    /// <summary>Videos and frames of the batch.</summary>
    public string Batch { get; }

    /// <summary>Step of the last checkpoint; null when there is none.</summary>
    public long? LastGoodStep { get; }
}
