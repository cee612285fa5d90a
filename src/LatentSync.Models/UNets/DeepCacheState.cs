using System.Globalization;
using static TorchSharp.torch;

namespace LatentSync.Models.UNets;

/// <summary>
/// The deep features of one chunk between its denoising steps. Every <see cref="Interval"/>-th step computes the whole network; the
/// steps between compute only the first convolution and the last layer of the finest up block, on top of the remembered
/// output of the layer before it.
/// </summary>
/// <remarks>
/// DeepCache, arXiv:2312.00858, uniform mode, branch 0. The original remembers the output of that layer's spatial transformer and computes
/// its temporal layer again at every step, from the same input; remembering the temporal layer's output gives the same numbers.
/// </remarks>
public sealed class DeepCacheState : IDisposable
{
    private Tensor? _deepFeatures;
    private long[]? _sampleShape;
    private int _step;

    /// <summary>Starts the cache of one chunk.</summary>
    /// <param name="interval">A full pass every so many steps, at least 1 (which caches nothing). Default 3, the original's.</param>
    public DeepCacheState(int interval = 3)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(interval, 1);
        Interval = interval;
    }

    /// <summary>A full pass every so many steps.</summary>
    public int Interval { get; }

    /// <summary>Whether the next forward call computes the whole network.</summary>
    public bool NextPassIsFull => _step % Interval == 0;

    /// <summary>Forgets everything; to be called when another chunk begins.</summary>
    public void Reset()
    {
        _deepFeatures?.Dispose();
        (_deepFeatures, _sampleShape, _step) = (null, null, 0);
    }

    /// <inheritdoc/>
    public void Dispose() => Reset();

    /// <summary>Features for a cheap pass over a sample of this shape; null when a full pass is due.</summary>
    internal Tensor? Recall(long[] sampleShape)
    {
        if (NextPassIsFull)
        {
            return null;
        }
        if (_deepFeatures is null || !_sampleShape!.SequenceEqual(sampleShape))
        {
            throw new UNetInputException(
                "sample",
                $"({string.Join(", ", sampleShape)}) at step {_step.ToString(CultureInfo.InvariantCulture)} of a DeepCache that remembers ({string.Join(", ", _sampleShape ?? [])})",
                "one DeepCacheState serves one chunk; reset it when another chunk begins"
            );
        }
        return _deepFeatures.alias();
    }

    /// <summary>Keeps the features of a full pass; shares their memory.</summary>
    internal void Remember(Tensor features, long[] sampleShape)
    {
        if (Interval == 1)
        {
            return;
        }
        _deepFeatures?.Dispose();
        _deepFeatures = features.detach().DetachFromDisposeScope();
        _sampleShape = sampleShape;
    }

    /// <summary>Counts a finished forward call.</summary>
    internal void Advance() => _step++;
}
