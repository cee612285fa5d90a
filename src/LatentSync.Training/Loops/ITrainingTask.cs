using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops;

/// <summary>What a <see cref="TrainingLoop"/> trains: it makes losses, the loop does the rest.</summary>
internal interface ITrainingTask : IDisposable
{
    /// <summary>"vae", "speech", "unet", "syncnet": names the folder's files and the messages.</summary>
    string Name { get; }

    /// <summary>The parameters that the optimizer changes, by their state-dictionary keys, in a fixed order.</summary>
    IReadOnlyList<KeyValuePair<string, Parameter>> Parameters { get; }

    /// <summary>Losses of one batch, with the graph for <c>backward</c>. The batch is a function of the draw alone, so that a resumed run
    /// repeats it.</summary>
    /// <param name="draw">Which batch.</param>
    /// <param name="cancellationToken">Checked now and then.</param>
    StepLoss ComputeLoss(TrainingDraw draw, CancellationToken cancellationToken);

    /// <summary>Called after the backward pass of each batch, before the optimizer reads the gradients of
    /// <see cref="Parameters"/>.</summary>
    void CollectGradients()
    {
        // Where the parameters themselves compute the loss, their gradients are there already.
    }

    /// <summary>Losses on held-out data, by name; null when there is nothing to validate with.</summary>
    /// <param name="step">The step that was done last.</param>
    /// <param name="cancellationToken">Checked between batches.</param>
    IReadOnlyList<KeyValuePair<string, double>>? Validate(long step, CancellationToken cancellationToken);

    /// <summary>Writes the weights, atomically, in the original's layout.</summary>
    /// <param name="folder">The folder <c>checkpoints</c> of the run.</param>
    /// <param name="step">The step that was done last.</param>
    /// <param name="history">The losses so far.</param>
    /// <returns>The file or folder written.</returns>
    string WriteCheckpoint(string folder, long step, LossHistory history);
}

/// <summary>Which batch to draw.</summary>
/// <param name="Seed">Seed of the run.</param>
/// <param name="Step">Step, from 1.</param>
/// <param name="Accumulation">Which batch of the step, from 0 to gradient_accumulation_steps - 1.</param>
internal readonly record struct TrainingDraw(long Seed, long Step, int Accumulation)
{
    /// <summary>A seed for one purpose of this batch; different for every batch and purpose.</summary>
    /// <param name="purpose">A small number of the caller's.</param>
    public ulong SeedFor(int purpose)
    {
        ulong mixed = unchecked((ulong)Seed * 0x9E3779B97F4A7C15UL + (ulong)Step);
        foreach (ulong part in (ReadOnlySpan<ulong>)[(ulong)Accumulation + 1, (ulong)purpose + 1])
        {
            mixed = unchecked((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9UL + part * 0x94D049BB133111EBUL);
            mixed ^= mixed >> 27;
        }
        return mixed >> 1;
    }

    /// <summary>A generator on the CPU for one purpose of this batch.</summary>
    /// <param name="purpose">A small number of the caller's.</param>
    public Generator GeneratorFor(int purpose) => new(SeedFor(purpose), CPU);
}

/// <summary>The losses of one batch.</summary>
/// <param name="Total">() float32 with its graph: what is minimised.</param>
/// <param name="Parts">Its parts by name, before weighting, for display and the curve.</param>
/// <param name="Batch">Videos and frames in words, for messages.</param>
internal sealed record StepLoss(Tensor Total, IReadOnlyList<KeyValuePair<string, double>> Parts, string Batch);
